"""What a save of a registered model costs, alone and ten thousand at once."""

from collections.abc import Iterator, Sequence
from time import process_time
from typing import Any

from django.db import transaction
from django.test import override_settings

from dumper_purge.backends.locmem import LocMemBackend
from tests.bench.figures import Effort, Figure, slower
from tests.bench.measure import Subject, interleave, per_call
from tests.bench.models import TrackedFlavour, UntrackedFlavour
from tests.bench.plain.models import Flavour, PlainFlavour
from tests.bench.tables import flavours, tables

__all__ = ["bulk", "save"]

UNTRACKED_BAR = 1.5
TRACKED_BAR = 2.2
BULK_BAR = 1.5
BULK_COUNT = 10_000
SAVES_PER_ROUND = 50
RECORDING = {
    "page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
    "bench": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"},
}


def save(effort: Effort) -> Iterator[Figure]:
    """Measure ``save()`` in autocommit, each with its own purge of two paths."""
    models: dict[str, Any] = {
        "plain save()": PlainFlavour,
        "untracked": UntrackedFlavour,
        "ours": TrackedFlavour,
    }
    with tables(*models.values()):
        subjects = {
            name: per_call(flavours(model, 1)[0].save, SAVES_PER_ROUND)
            for name, model in models.items()
        }
        timings = interleave(subjects, effort.times(101))
    plain, untracked, tracked = models
    what = "save() of a registered model, two paths, outbox off"
    yield slower(timings, untracked, plain, what=f"{what}, track_changes=False", bar=UNTRACKED_BAR)
    yield slower(timings, tracked, plain, what=what, bar=TRACKED_BAR)


def bulk(effort: Effort) -> Iterator[Figure]:
    """Measure many saves in one ``atomic()``, COMMIT and purge included."""
    count = effort.many(BULK_COUNT)
    plain, untracked, tracked = "plain saves", "untracked", "ours"
    models: dict[str, Any] = {
        plain: PlainFlavour,
        untracked: UntrackedFlavour,
        tracked: TrackedFlavour,
    }
    with override_settings(DUMPER_BACKENDS=RECORDING), tables(*models.values()):
        subjects = {name: _saves_at_once(model, count) for name, model in models.items()}
        timings = interleave(subjects, effort.times(7))
        batches = _batches(subjects[untracked], count)
    what = f"{count:,} saves in one atomic(), outbox off"
    yield Figure(what=what, against="batches sent", value=batches, bar=1, unit="", exact=True)
    yield slower(timings, untracked, plain, what=f"{what}, track_changes=False", bar=BULK_BAR)
    yield slower(timings, tracked, plain, what=what)


def _saves_at_once(model: type[Flavour], count: int) -> Subject:
    rows = _rows(model, count)

    def run() -> float:
        LocMemBackend.sent("bench").clear()
        started = process_time()
        with transaction.atomic():
            for row in rows:
                row.save()
        return (process_time() - started) / count

    return run


def _rows(model: type[Flavour], count: int) -> Sequence[Flavour]:
    with transaction.atomic():
        return flavours(model, count)


def _batches(saves: Subject, count: int) -> int:
    """Return how many batches one transaction makes; fail unless they hold every path once."""
    saves()
    sent = LocMemBackend.sent("bench")
    if sum(len(batch.paths) for batch in sent) != 2 * count:
        raise AssertionError(f"Purged: {', '.join(map(str, sent))}; saved: {count} flavours.")
    return len(sent)
