"""What a purge of one node entails later: waiting, the second purge, retries, outer tiers again.

With a receipt it is left to the outbox, where any process takes it up. Without one it is done by
this process, as long as that lives.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.conf import current
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.errand import Done, Errand, Lane, merged
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.step import Step

__all__ = ["FollowUps"]

logger = logging.getLogger("dumper.deliver")

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
        self._owed: dict[tuple[Lane, Step], Errand] = {}
        self._late: dict[str, tuple[BaseBackend, PurgeBatch]] = {}

    def submit(self, errand: Errand) -> None:
        """Carry out an errand, which holds its receipt until then."""
        if errand.receipt is not None:
            errand.receipt.hold()
        self._background.submit(errand)

    def sent(self, errand: Errand) -> None:
        """Wait for what was in flight, and purge once more later, where the backend wants it.

        A node that was purged can also be given what it is owed.
        """
        if self._owed:
            for step in Step:
                self._submit_owed((replace(errand, step=step).lane, step))
        later = replace(errand, attempts=0, done=self.when_late(errand))
        delay = _repeat_delay(errand)
        if errand.backend.waits_for_fetches:
            if self._background.has_threads:
                self.submit(replace(later, step=Step.SETTLE))
            else:
                # The page that it would wait for may be waiting for this very thread.
                delay = max(delay, _INSTEAD_OF_WAITING)
        if errand.step is Step.SEND and delay:
            self._repeat(replace(later, step=Step.REPEAT), delay)

    def _repeat(self, errand: Errand, seconds: float) -> None:
        if errand.receipt is not None:
            errand.receipt.leave(_left(errand, seconds))
        else:
            submit = partial(self._background.submit, errand)
            self._background.later(seconds, submit, errand=errand)

    def owe(self, errand: Errand, seconds: float, error: str = "") -> None:
        """Try again in so many seconds, together with what else the node is owed by then."""
        if errand.receipt is not None:
            errand.receipt.leave(_left(replace(errand, batch=_bounded(errand)), seconds, error))
            return
        key = (errand.lane, errand.step)
        with self._lock:
            owed = self._owed.get(key)
            if owed is not None:
                both = merged([owed, errand])
                owed.batch, owed.attempts = _bounded(both), both.attempts
                return
            owed = self._owed[key] = replace(errand)
            owed.done = self.when_late(owed)
            self._background.later(seconds, partial(self._submit_owed, key), errand=owed)

    def bury(self, errand: Errand, error: str) -> None:
        """Keep what is not tried again, where it can be kept."""
        if errand.receipt is not None:
            errand.receipt.leave(replace(_left(errand, 0.0, error), dead=True))

    def late(self, backend: BaseBackend, batch: PurgeBatch, receipt: Receipt | None = None) -> None:
        """Purge the tiers outside once more: they may have fetched the old page until now."""
        outside = self._outside(backend)
        if receipt is not None:
            for outer in outside:
                receipt.leave(Left(batch=batch, alias=outer.alias))
        elif outside:
            self._late_without_receipt(backend, batch)

    def when_late(self, errand: Errand) -> Done:
        """Return what is to be done when an errand that comes late has been carried out."""

        def done(purged: bool) -> None:
            if purged:
                self.late(errand.backend, errand.batch, errand.receipt)

        return done

    def _late_without_receipt(self, backend: BaseBackend, batch: PurgeBatch) -> None:
        with self._lock:
            before = self._late.get(backend.alias)
            self._late[backend.alias] = (backend, before[1] | batch if before else batch)
        if before is None:
            self._background.later(_LATE_TOGETHER, partial(self._flush, backend.alias))

    def _submit_owed(self, key: tuple[Lane, Step]) -> None:
        with self._lock:
            errand = self._owed.pop(key, None)
        if errand is not None:
            self._background.cancel(errand)
            self._background.submit(errand)

    def _flush(self, alias: str) -> None:
        with self._lock:
            late = self._late.pop(alias, None)
        if late is not None:
            backend, batch = late
            self._purge(batch, self._outside(backend))


def _left(errand: Errand, seconds: float, error: str = "") -> Left:
    return Left(
        batch=errand.batch,
        alias=errand.backend.alias,
        node=errand.node,
        step=errand.step,
        seconds=seconds,
        attempts=errand.attempts,
        error=error,
    )


def _repeat_delay(errand: Errand) -> float:
    delay, lag = errand.backend.repeat_delay(errand.batch), current().replica_lag
    return max(delay, lag + _BEYOND_LAG) if lag and not errand.backend.instant else delay


def _bounded(errand: Errand) -> PurgeBatch:
    limit = current().backlog_limit
    if errand.batch.everything:
        return PurgeBatch(everything=True)
    if len(errand.batch) <= limit:
        return errand.batch
    logger.warning(
        "%s is owed more than DUMPER_BACKLOG_LIMIT (%d) purges: everything is purged there"
        " instead when it is back.",
        errand, limit,
    )  # fmt: skip
    return PurgeBatch(everything=True)
