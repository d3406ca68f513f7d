"""For the tests of a site: what was purged."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import outlet
from dumper_purge.collect.outlet import EntryRef, Outlet

__all__ = ["Purged", "purged"]


class Purged:
    """The batches that were sent during a :func:`purged` block, oldest first."""

    def __init__(self) -> None:
        self.batches: list[PurgeBatch] = []

    @property
    def batch(self) -> PurgeBatch:
        """All of them as one, for example ``batch.paths == {"/news/"}``."""
        merged = PurgeBatch()
        for batch in self.batches:
            merged |= batch
        return merged


class _Listening:
    def __init__(self, outlet: Outlet, purged: Purged) -> None:
        self._outlet = outlet
        self._purged = purged

    def has_outbox(self, using: str) -> bool:
        return self._outlet.has_outbox(using)

    def write(self, batch: PurgeBatch, using: str) -> EntryRef | None:
        return self._outlet.write(batch, using)

    def record(self, batch: PurgeBatch) -> bool:
        return self._outlet.record(batch)

    def deliver(
        self, batch: PurgeBatch, *, recorded: bool = False, entries: Sequence[EntryRef] = ()
    ) -> None:
        if batch:
            self._purged.batches.append(batch)
        self._outlet.deliver(batch, recorded=recorded, entries=entries)


@contextmanager
def purged() -> Iterator[Purged]:
    """Note what is purged in the block, by any thread, and purge it as ever.

    In a ``TestCase`` nothing commits: put ``captureOnCommitCallbacks(execute=True)`` inside.
    """
    found, before = Purged(), outlet.outlet()
    outlet.connect(_Listening(before, found))
    try:
        yield found
    finally:
        outlet.connect(before)
