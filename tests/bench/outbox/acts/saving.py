"""Saves in transactions, until ``atomic()`` returns and every entry is deleted."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from time import perf_counter

from django.db import transaction
from django.test import override_settings

from dumper_purge.deliver.carrying import riders
from tests.bench.measure import Subject, interleave
from tests.bench.models import TrackedFlavour, UntrackedFlavour
from tests.bench.outbox.acts.rows import pending
from tests.bench.outbox.models import Cone
from tests.bench.plain.models import Flavour, PlainFlavour
from tests.bench.tables import flavours

__all__ = ["at_once", "one_by_one", "peaks"]

SAVES_PER_ROUND = 20


def one_by_one(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a save in a transaction of its own, by the name of the model.

    The clock of a round stops when no row is left, those included that nothing took along.
    """
    subjects = {
        model.__name__: _all_gone(partial(_save, flavours(model, 1)[0]))
        for model in (PlainFlavour, UntrackedFlavour, TrackedFlavour)
    }
    return dict(interleave(subjects, rounds).seconds)


def _all_gone(save: Callable[[], None]) -> Subject:
    def run() -> float:
        for _ in range(SAVES_PER_ROUND // 10):
            save()
        riders.flush()
        started = perf_counter()
        for _ in range(SAVES_PER_ROUND):
            save()
        riders.flush()
        seconds = (perf_counter() - started) / SAVES_PER_ROUND
        if pending():
            raise AssertionError(f"{pending()} entries were left.")
        return seconds

    return run


def _save(flavour: Flavour) -> None:
    with transaction.atomic():
        flavour.save()


def at_once(count: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a save among many in one transaction, with the outbox and without."""
    cones = _cones(count)
    subjects = {name: _all_of(cones, outbox=name == "on") for name in ("on", "off")}
    return dict(interleave(subjects, rounds).seconds)


def peaks(count: int) -> dict[str, int]:
    """Return the most bytes that such a transaction has allocated, with the outbox and without."""
    cones = _cones(count)
    found = {}
    for name in ("on", "off"):
        saves = _all_of(cones, outbox=name == "on")
        saves()
        tracemalloc.start()
        saves()
        found[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return found


def _cones(count: int) -> list[Cone]:
    Cone.objects.bulk_create(Cone(slug=f"cone-{number}") for number in range(count))
    return list(Cone.objects.order_by("-pk")[:count])


def _all_of(cones: list[Cone], *, outbox: bool) -> Subject:
    def run() -> float:
        with override_settings(DUMPER_OUTBOX=outbox):
            started = perf_counter()
            with transaction.atomic():
                for cone in cones:
                    cone.save()
            return (perf_counter() - started) / len(cones)

    return run
