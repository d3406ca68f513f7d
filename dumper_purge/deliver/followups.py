"""What a purge of one node entails later: waiting, the second purge, retries, outer tiers again."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.conf import current
from dumper_purge.deliver.background import Background
from dumper_purge.deliver.entry import Entry, Lane, Step, merged

__all__ = ["FollowUps"]

_MOST_OWED = 10_000
_LATE_TOGETHER = 0.05
_BEYOND_LAG = 1.0
_INSTEAD_OF_WAITING = 2.0


class FollowUps:
    """``outside`` tells the backends outside of one, ``purge`` purges a batch on some."""

    def __init__(
        self,
        background: Background,
        *,
        outside: Callable[[BaseBackend], Sequence[BaseBackend]],
        purge: Callable[[PurgeBatch, Sequence[BaseBackend]], object],
    ) -> None:
        self._background = background
        self._outside = outside
        self._purge = purge
        self.forget()

    def forget(self) -> None:
        """Drop all that is pending: after a fork it belongs to the parent."""
        self._lock = threading.Lock()
        self._owed: dict[tuple[Lane, Step], Entry] = {}
        self._late: dict[str, tuple[BaseBackend, PurgeBatch]] = {}

    def sent(self, entry: Entry) -> None:
        """Wait for what was in flight, and purge once more later, where the backend wants it.

        A node that was purged can also be given what it is owed.
        """
        if self._owed:
            for step in Step:
                self._release((replace(entry, step=step).lane, step))
        later = replace(entry, attempts=0, done=partial(self._when_late, entry))
        delay = _repeat_delay(entry)
        if entry.backend.waits_for_fetches:
            if self._background.has_threads:
                self._background.submit(replace(later, step=Step.SETTLE))
            else:
                # The page that it would wait for may be waiting for this very thread.
                delay = max(delay, _INSTEAD_OF_WAITING)
        if entry.step is Step.SEND and delay:
            repeat = replace(later, step=Step.REPEAT)
            submit = partial(self._background.submit, repeat)
            self._background.later(delay, submit, entry=repeat)

    def owe(self, entry: Entry, seconds: float) -> None:
        """Try again in so many seconds, together with what else the node is owed by then."""
        key = (entry.lane, entry.step)
        with self._lock:
            owed = self._owed.get(key)
            if owed is not None:
                attempts = max(owed.attempts, entry.attempts)
                owed.batch, owed.attempts = _bounded(merged([owed, entry]).batch), attempts
                return
            owed = self._owed[key] = replace(entry)
            owed.done = partial(self._when_late, owed)
            self._background.later(seconds, partial(self._release, key), entry=owed)

    def late(self, backend: BaseBackend, batch: PurgeBatch) -> None:
        """Purge the tiers outside once more: they may have fetched the old page until now."""
        if not self._outside(backend):
            return
        with self._lock:
            before = self._late.get(backend.alias)
            self._late[backend.alias] = (backend, before[1] | batch if before else batch)
        if before is None:
            self._background.later(_LATE_TOGETHER, partial(self._flush, backend.alias))

    def _when_late(self, entry: Entry, purged: bool) -> None:
        if purged:
            self.late(entry.backend, entry.batch)

    def _release(self, key: tuple[Lane, Step]) -> None:
        with self._lock:
            entry = self._owed.pop(key, None)
        if entry is not None:
            self._background.cancel(entry)
            self._background.submit(entry)

    def _flush(self, alias: str) -> None:
        with self._lock:
            late = self._late.pop(alias, None)
        if late is not None:
            backend, batch = late
            self._purge(batch, self._outside(backend))


def _repeat_delay(entry: Entry) -> float:
    delay, lag = entry.backend.repeat_delay(entry.batch), current().replica_lag
    return max(delay, lag + _BEYOND_LAG) if lag and not entry.backend.instant else delay


def _bounded(batch: PurgeBatch) -> PurgeBatch:
    if batch.everything or len(batch) > _MOST_OWED:
        return PurgeBatch(everything=True)
    return batch
