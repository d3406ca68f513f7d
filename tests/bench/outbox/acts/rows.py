"""The rows of the outbox: written as the package writes them, and counted."""

import resource
import time

from django.db import transaction
from django.db.models import QuerySet

import dumper_purge as dumper
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import outlet
from dumper_purge.models import OutboxEntry
from tests.bench.outbox.models import Cone

__all__ = ["emptied", "entered", "pending", "saved"]

_GLANCE = 0.02
_COUNT_EVERY = 500


def pending() -> int:
    """Return how many rows there are, dead letters included."""
    return OutboxEntry.objects.count()


def entered(count: int, patience: float) -> dict[str, float]:
    """Enter one path each, all at once; return when a worker has sent, and closed, the last."""
    with dumper.paused():
        cone = Cone.objects.create(slug="last")
    with transaction.atomic():
        for number in range(count):
            outlet().write(PurgeBatch.of([f"/cones/{number}/"]), "default")
        # Its commit is what wakes the worker.
        cone.save()
    started = time.monotonic()
    sent = _until_none_of(OutboxEntry.objects.filter(step="send"), started + patience)
    closed = _until_none_of(OutboxEntry.objects.all(), started + patience)
    return {"sent": sent - started, "closed": closed - started}


def emptied(patience: float) -> float:
    """Wait for a worker; return the moment when no row was left."""
    return _until_none_of(OutboxEntry.objects.all(), time.monotonic() + patience)


def _until_none_of(rows: QuerySet[OutboxEntry], deadline: float) -> float:
    while rows.exists():
        if time.monotonic() > deadline:
            raise AssertionError(f"The worker has left {rows.count()} rows.")
        time.sleep(_GLANCE)
    return time.monotonic()


def saved(first: int, count: int) -> dict[str, int]:
    """Save a cone as often, each time on another path; return the most rows, and memory in KiB."""
    with dumper.paused():
        cone = Cone.objects.create(slug=f"cone-{first}")
    before, most = 0, 0
    for number in range(first, first + count):
        cone.slug = f"cone-{number}"
        with transaction.atomic():
            cone.save()
        if number % _COUNT_EVERY == 0:
            most = max(most, pending())
            before = before or _peak()
    return {"rows": max(most, pending()), "before": before, "after": _peak()}


def _peak() -> int:
    """Return the most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
