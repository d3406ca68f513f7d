"""What one request collects: sent as one batch before its response leaves."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.collect.outlet import EntryRef, outlet

__all__ = ["RequestScope", "current_request", "open_request", "saw_change"]


class RequestScope:
    """Merges the changes of one request that are already committed. Threads may share it."""

    def __init__(self) -> None:
        self.collected_changes = False
        """Whether a registered model was written, be it rolled back or paused."""
        self._lock = threading.RLock()
        self._recorded = BatchBuilder()
        self._entries: list[EntryRef] = []
        self._is_recorded = True
        self._repeated = BatchBuilder()
        self._is_open = True

    def add(self, batch: PurgeBatch, entries: Sequence[EntryRef]) -> bool:
        """Record the generations of a batch and keep it; False if the request is over."""
        with self._lock:
            if self._is_open:
                self._is_recorded &= outlet().record(batch)
                self._recorded.merge(batch)
                self._entries += entries
            return self._is_open

    def repeat(self, batch: PurgeBatch) -> None:
        """Purge at the end a batch that was sent before its commit."""
        with self._lock:
            self._repeated.merge(batch)

    def close(self) -> None:
        """Send what was collected; later changes are batches of their own."""
        with self._lock:
            self._is_open = False
            recorded, self._recorded = self._recorded, BatchBuilder()
            entries, self._entries = self._entries, []
            repeated, self._repeated = self._repeated, BatchBuilder()
        if recorded:
            batch = recorded.build()
            outlet().deliver(batch, recorded=self._is_recorded, entries=entries)
        if repeated:
            outlet().deliver(repeated.build())


_request: ContextVar[RequestScope | None] = ContextVar("dumper_purge_request", default=None)


def current_request() -> RequestScope | None:
    """Return the request that this code is part of."""
    return _request.get()


def saw_change() -> None:
    """Note that a registered model is being written."""
    scope = _request.get()
    if scope is not None:
        scope.collected_changes = True


@contextmanager
def open_request() -> Iterator[RequestScope]:
    """Merge the changes of a request until the block ends or the scope is closed."""
    scope = RequestScope()
    token = _request.set(scope)
    try:
        yield scope
    finally:
        _request.reset(token)
        scope.close()
