"""Saves whose purges are followed to the nodes."""

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.test import override_settings

import dumper_purge as dumper
from dumper_purge.backends import configured
from dumper_purge.deliver import delivery
from tests.bench.outbox.acts.rows import pending
from tests.bench.outbox.models import Cone

__all__ = ["alone", "apart", "bursts"]

SAVES_PER_ROUND = 10
_PATIENCE = 10.0
_PAUSE = 0.02
_SLOWLY = 2.0
_CALM = 1.0
"""Seconds after which the process is idle again, as it is while another one is measured."""


def alone(backends: Mapping[str, Any], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each save, by the name of the DUMPER_BACKENDS that are set.

    Each begins when all that its predecessor has left is done.
    """
    cone = Cone.objects.create(slug="alone")
    seconds: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(rounds):
        for name, used in backends.items():
            with override_settings(DUMPER_BACKENDS=used):
                configured()
                seconds[name] += [_seconds(cone) for _ in range(SAVES_PER_ROUND + 1)][1:]
    return seconds


def _seconds(cone: Cone) -> float:
    time.sleep(_PAUSE)
    started = time.perf_counter()
    with transaction.atomic():
        cone.save()
    seconds = time.perf_counter() - started
    if delivery.finish(_PATIENCE) or pending():
        raise AssertionError("Something was not purged.")
    return seconds


def apart(first: int, count: int, pause: float = 0) -> list[tuple[str, float, float]]:
    """Return each save's path, the moment before its COMMIT, and the seconds of the whole save.

    Every save is of another cone, ``pause`` seconds after the one before.
    """
    with dumper.paused():
        cones = Cone.objects.bulk_create(
            Cone(slug=f"apart-{number}") for number in range(first, first + count)
        )
    return [_followed(cone, pause) for cone in cones]


def bursts(slowly: int, count: int, pause: float) -> Iterator[list[tuple[str, float, float]]]:
    """Yield the same of ``count`` saves, again and again, each time when all has calmed down.

    The first ones are done ``slowly``, while the process learns which of its nodes is dead.
    """
    yield apart(0, slowly, _SLOWLY)
    for first in itertools.count(slowly, count):
        yield apart(first, count, pause)
        time.sleep(_CALM)


def _followed(cone: Cone, pause: float) -> tuple[str, float, float]:
    time.sleep(pause)
    started = time.monotonic()
    with transaction.atomic():
        cone.save()
        committing = time.monotonic()
    return cone.dependent_paths()[0], committing, time.monotonic() - started
