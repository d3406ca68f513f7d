"""The end of an entry: it is closed, or what is left of it written down, here or by the clerk."""

import logging
from functools import partial

from django.db import Error

from dumper_purge.backends import configured
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox import nodes, table
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.sweeper import LEASE, Sweeper
from dumper_purge.deliver.outbox.table import Left

__all__ = ["Closing"]

_MARGIN = 2.0
"""Seconds by which the database's clock may have been set back meanwhile."""

logger = logging.getLogger("dumper.deliver")


class Closing:
    """Closes the entries of receipts, and plans what is left; nothing here raises.

    All that is done to a receipt that others hold is done by the clerk, in order, so that what is
    left is written before the entry goes.
    """

    def __init__(self, background: Background, sweeper: Sweeper) -> None:
        self._background = background
        self._sweeper = sweeper

    def end(self, receipt: Receipt) -> None:
        """Let a receipt go that somebody else has made; the last one has its entries closed."""
        if receipt.takes_long:
            self._write_early(receipt)
        if receipt.release():
            self._background.clerk.submit(partial(self._close, receipt))

    def let_go(self, receipt: Receipt) -> None:
        """End the maker's hold: close the entries here if all is done, else leave it to others.

        From then on what is left is written down at once: the second purge of one node must not
        wait for another one that is slow.
        """
        if receipt.is_shared:
            receipt.takes_long = True
            self.end(receipt)
        else:
            receipt.release()
            self._close(receipt)

    def let_go_later(self, receipt: Receipt, seconds: float) -> None:
        """Do the same in so many seconds, if it is still open by then."""

        def let_go_now() -> None:
            if receipt.hold_if_open():
                self.let_go(receipt)

        self._background.later(seconds, let_go_now, optional=True)

    def _close(self, receipt: Receipt) -> None:
        try:
            left = receipt.close(configured())
        except Exception as error:
            logger.warning(
                "The entries of %s could not be closed and come up again: %r", receipt.batch, error
            )
            again = partial(self._background.clerk.submit, self._sweeper.sweep)
            self._background.later(LEASE, again, optional=True)
            return
        nodes.flush_if_due()
        self._plan(left)

    def _write_early(self, receipt: Receipt) -> None:
        left = receipt.take_left()
        if left:
            self._background.clerk.submit(partial(self._add, receipt, left))

    def _add(self, receipt: Receipt, left: list[Left]) -> None:
        try:
            table.add(receipt.entries[0].using, left)
        except Error as error:
            # The receipt is still open, and so is the entry that stands for all of it.
            logger.warning("What is left of %s could not be written: %s", receipt.batch, error)
            for each in left:
                receipt.leave(each)
            return
        self._plan(left)

    def _plan(self, left: list[Left]) -> None:
        pending = [each.seconds for each in left if not each.dead]
        if pending:
            self._sweeper.sweep_in(min(pending), until=max(pending) + _MARGIN)
        if left:
            self._sweeper.count(len(left))
