"""What the outbox adds to a save, alone and ten thousand at once."""

from collections.abc import Iterator

from tests.bench.figures import Effort, Figure, slower
from tests.bench.measure import Timings
from tests.bench.outbox.databases import POSTGRES, SQLITE, SQLITE_WAL, site_on

__all__ = ["DUMMY", "outbox_bulk", "outbox_save"]

UNTRACKED_BAR, TRACKED_BAR = 2, 3
BULK_BAR = 1.5
BULK_COUNT = 10_000
DUMMY = {"dummy": {"BACKEND": "dumper_purge.backends.dummy.DummyBackend"}}
MEBIBYTE = 1_048_576


def outbox_save(effort: Effort) -> Iterator[Figure]:
    """Measure a save until ``atomic()`` returns, its share of the DELETEs of all entries included.

    They ride along with later entries, ten at once; the last ones have a transaction of their own.
    """
    plain, untracked, tracked = "PlainFlavour", "UntrackedFlavour", "TrackedFlavour"
    for database in (SQLITE, SQLITE_WAL, POSTGRES):
        with site_on(database, DUMPER_BACKENDS=DUMMY) as site:
            timings = Timings(site.act("saving.one_by_one", rounds=effort.times(41)))
        what = f"save() in atomic(), two paths, outbox on, all entries deleted, {database}"
        small = f"{what}, track_changes=False"
        bars = (None, None) if database == SQLITE_WAL else (UNTRACKED_BAR, TRACKED_BAR)
        yield slower(timings, untracked, plain, what=small, bar=bars[0])
        yield slower(timings, tracked, plain, what=what, bar=bars[1])


def outbox_bulk(effort: Effort) -> Iterator[Figure]:
    """Measure many saves with as many paths in one ``atomic()``, in time and in memory."""
    count = effort.many(BULK_COUNT)
    what = f"{count:,} saves, {count:,} paths, one atomic(), outbox on, "
    for database in (SQLITE, POSTGRES):
        with site_on(database, DUMPER_BACKENDS=DUMMY) as site:
            timings = Timings(site.act("saving.at_once", count=count, rounds=effort.times(5)))
            if database == SQLITE:
                peaks = site.act("saving.peaks", count=count)
        yield slower(timings, "on", "off", what=f"{what}{database}", bar=BULK_BAR)
    yield Figure(
        what=f"{what}{SQLITE}: most memory",
        against="off",
        value=peaks["on"] / peaks["off"],
        bar=BULK_BAR,
        detail=" : ".join(f"{peaks[name] / MEBIBYTE:.1f} MiB" for name in ("on", "off")),
        exact=True,
    )
