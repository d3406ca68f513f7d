"""The end of an entry: it is closed, or what is left of it written down, here or by the clerk."""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from dumper_purge.backends import configured
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox import databases, nodes
from dumper_purge.deliver.outbox.changes import Changes
from dumper_purge.deliver.outbox.databases import bears_others
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.riders import Riders
from dumper_purge.deliver.outbox.sweeper import LEASE, Sweeper
from dumper_purge.deliver.outbox.table import Left

__all__ = ["Closing"]

_MARGIN = 2.0
"""Seconds by which the database's clock may have been set back meanwhile."""
_LONG = 0.25
"""Seconds after which what is left no longer waits for the rest of a delivery."""
_GATHERS = 0.1
"""Seconds in which what several saves have left becomes one transaction."""

logger = logging.getLogger("dumper.deliver")


_Job: TypeAlias = tuple[Receipt, Sequence[Left] | None]
"""A receipt to close, or one that stays open and what is left of it so far."""


class Closing:
    """Closes the entries of receipts, and plans what is left; nothing here raises.

    What the clerk does he does in the order in which it was handed in, so that what is left is
    written before the entry goes.
    """

    def __init__(self, background: Background, sweeper: Sweeper, riders: Riders) -> None:
        self._background = background
        self._sweeper = sweeper
        self._riders = riders
        self.forget()

    def forget(self) -> None:
        """Drop all: after a fork it belongs to the parent."""
        self._lock = threading.Lock()
        self._jobs: list[_Job] = []
        self._watched: deque[tuple[float, Receipt]] = deque()
        self._is_gathering = self._is_handed_in = False

    def is_idle(self) -> bool:
        """Tell whether nothing is to be written."""
        return not self._jobs

    def end(self, receipt: Receipt) -> None:
        """Let a receipt go that somebody else has made; the last one has its entries closed."""
        if receipt.takes_long:
            self._write_early(receipt)
        if receipt.release() and not self._is_kept(receipt):
            self._hand_in(receipt, None)

    def let_go(self, receipt: Receipt) -> None:
        """End the maker's hold: close the entries here if all is done, else leave it to others.

        Soon what is left is written down at once: the second purge of one node must not wait for
        another one that is slow.
        """
        if receipt.is_shared:
            self._watch(receipt)
            self.end(receipt)
            return
        receipt.release()
        if receipt.has_left and self._may_gather(receipt):
            self._hand_in(receipt, None)
        elif not self._is_kept(receipt):
            self._close([(receipt, None)])

    def let_go_later(self, receipt: Receipt, seconds: float) -> None:
        """Do the same in so many seconds, if it is still open by then."""

        def let_go_now() -> None:
            if receipt.hold_if_open():
                receipt.takes_long = True
                self.end(receipt)

        self._background.later(seconds, let_go_now, optional=True)

    def _watch(self, receipt: Receipt) -> None:
        """Look in a while whether it is still open."""
        with self._lock:
            is_watching = bool(self._watched)
            self._watched.append((time.monotonic() + _LONG, receipt))
        if not is_watching:
            self._background.later(_LONG, self._look, optional=True)

    def _look(self) -> None:
        now = time.monotonic()
        long: list[Receipt] = []
        with self._lock:
            while self._watched and self._watched[0][0] <= now:
                long.append(self._watched.popleft()[1])
            wait = self._watched[-1][0] - now if self._watched else None
        for receipt in long:
            if receipt.hold_if_open():
                receipt.takes_long = True
                self.end(receipt)
        if wait is not None:
            self._background.later(wait, self._look, optional=True)

    def _is_kept(self, receipt: Receipt) -> bool:
        """Let the entries of a complete receipt wait for the next one, where they may."""
        if receipt.has_left or receipt.was_claimed:
            return False
        if not self._riders.keep(receipt.entries, receipt.thread):
            return False
        receipt.closed.set()
        if receipt.thread == threading.get_ident():
            nodes.flush_if_due()
        elif nodes.is_due():
            self._background.clerk.submit(nodes.flush_if_due)
        return True

    def _may_gather(self, receipt: Receipt) -> bool:
        """Tell whether the clerk may write, a little later, what a delivery has left."""
        if not self._background.has_threads or receipt.was_claimed or databases.is_test():
            return False
        return all(bears_others(ref.using) for ref in receipt.entries)

    def _write_early(self, receipt: Receipt) -> None:
        left = receipt.take_left()
        if left:
            self._hand_in(receipt, left)

    def _hand_in(self, receipt: Receipt, left: Sequence[Left] | None) -> None:
        """Have the clerk add what is left of an open receipt (None: close it)."""
        gathers = (left or receipt.has_left) and self._may_gather(receipt)
        with self._lock:
            self._jobs.append((receipt, left))
            if gathers:
                is_planned, self._is_gathering = self._is_gathering, True
            else:
                is_planned, self._is_handed_in = self._is_handed_in, True
        if not is_planned and gathers:
            self._background.later(_GATHERS, self._hand_on)
        elif not is_planned:
            self._background.clerk.submit(self._work_off)

    def hurry(self) -> None:
        """Have written now what was gathered so far."""
        if self._jobs:
            self._hand_on()

    def _hand_on(self) -> None:
        self._background.clerk.submit(self._work_off)

    def _work_off(self) -> None:
        with self._lock:
            jobs, self._jobs = self._jobs, []
            self._is_gathering = self._is_handed_in = False
        if jobs:
            self._close(jobs)

    def _close(self, jobs: Sequence[_Job]) -> None:
        """Carry out jobs in one transaction, or one by one where that fails."""
        try:
            left = self._carried_out(jobs)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._close([job])
            else:
                self._give_up(*jobs[0], error)
            return
        nodes.flush_if_due()
        self._plan(left)

    def _carried_out(self, jobs: Sequence[_Job]) -> list[Left]:
        """Return what was left, and is written; it is the receipts' again if a database fails."""
        backends, changes = configured(), Changes()
        written: list[tuple[Receipt, Sequence[Left]]] = []
        for receipt, early in jobs:
            if early is None:
                written.append((receipt, receipt.close(backends, changes)))
            else:
                changes.add(receipt.entries[0].using, early)
        try:
            changes.carry_out()
        except BaseException:
            for receipt, left in written:
                receipt.leave(*left)
            raise
        for receipt, left in written:
            if not left:
                self._riders.deletable(receipt.entries)
            receipt.closed.set()
        early_ones = (left for _, left in jobs if left is not None)
        return [each for left in (*early_ones, *(left for _, left in written)) for each in left]

    def _give_up(self, receipt: Receipt, early: Sequence[Left] | None, error: Exception) -> None:
        """Leave entries as they are: they come up again."""
        if early is not None:
            # The receipt is still open, and so is the entry that stands for all of it.
            logger.warning("What is left of %s could not be written: %s", receipt.batch, error)
            receipt.leave(*early)
            return
        logger.warning(
            "The entries of %s could not be closed and come up again: %r", receipt.batch, error
        )
        receipt.closed.set()
        again = partial(self._background.clerk.submit, self._sweeper.sweep)
        self._background.later(LEASE, again, optional=True)

    def _plan(self, left: Sequence[Left]) -> None:
        pending = [each.seconds for each in left if not each.dead]
        if pending:
            self._sweeper.sweep_in(min(pending), until=max(pending) + _MARGIN)
        if left:
            self._sweeper.count(len(left))
