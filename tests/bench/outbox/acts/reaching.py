"""Saves whose purges are followed to the nodes."""

import time
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.test import override_settings

import dumper_purge as dumper
from dumper_purge.backends import configured
from dumper_purge.deliver import delivery
from tests.bench.outbox.acts.rows import pending
from tests.bench.outbox.models import Cone

__all__ = ["alone", "apart"]

SAVES_PER_ROUND = 10
_PATIENCE = 10.0
_PAUSE = 0.02
_SLOWLY = 2.0


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


def apart(
    first: int, count: int, pause: float = 0, slowly: int = 0
) -> list[tuple[str, float, float]]:
    """Return each save's path, the moment before its COMMIT, and the seconds of the whole save.

    Every save is of another cone, ``pause`` seconds after the one before; those that are done
    ``slowly`` come before all others.
    """
    numbers = range(first, first + slowly + count)
    with dumper.paused():
        cones = Cone.objects.bulk_create(Cone(slug=f"apart-{number}") for number in numbers)
    pauses = [_SLOWLY] * slowly + [pause] * count
    return [_followed(cone, each) for cone, each in zip(cones, pauses, strict=True)]


def _followed(cone: Cone, pause: float) -> tuple[str, float, float]:
    time.sleep(pause)
    started = time.monotonic()
    with transaction.atomic():
        cone.save()
        committing = time.monotonic()
    return cone.dependent_paths()[0], committing, time.monotonic() - started
