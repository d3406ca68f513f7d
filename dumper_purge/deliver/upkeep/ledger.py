"""Writes down what became of many receipts in one transaction, and plans what is left of them."""

import logging
from collections.abc import Sequence
from typing import TypeAlias

from dumper_purge.backends import configured
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox import nodes
from dumper_purge.deliver.outbox.changes import Changes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.upkeep.riders import Riders
from dumper_purge.deliver.upkeep.sweeper import LEASE, Sweeper
from dumper_purge.exceptions import described

__all__ = ["Booking", "Ledger"]

_MARGIN = 2.0
"""Seconds by which the database's clock may have been set back meanwhile."""

logger = logging.getLogger("dumper.deliver")


Booking: TypeAlias = tuple[Receipt, Sequence[Left] | None]
"""A receipt to close, or one that stays open and what is left of it so far."""


class Ledger:
    """Nothing here raises: what a database refuses comes up again."""

    def __init__(self, background: Background, sweeper: Sweeper, riders: Riders) -> None:
        self._background = background
        self._sweeper = sweeper
        self._riders = riders

    def book(self, bookings: Sequence[Booking]) -> None:
        """Write in one transaction, or one by one where that fails."""
        try:
            left = self._written(bookings)
        except Exception as error:
            if len(bookings) > 1:
                for booking in bookings:
                    self.book([booking])
            else:
                self._give_up(*bookings[0], error)
            return
        nodes.flush_if_due()
        self._plan(left)

    def _written(self, bookings: Sequence[Booking]) -> list[Left]:
        """Return what was left, and is written; it is the receipts' again if a database fails."""
        backends, changes = configured(), Changes()
        written: list[tuple[Receipt, Sequence[Left]]] = []
        for receipt, early in bookings:
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
        early_ones = (left for _, left in bookings if left is not None)
        return [each for left in (*early_ones, *(left for _, left in written)) for each in left]

    def _give_up(self, receipt: Receipt, early: Sequence[Left] | None, error: Exception) -> None:
        """Leave entries as they are: they come up again."""
        if early is not None:
            # The receipt is still open, and so is the entry that stands for all of it.
            logger.warning("What is left of %s could not be written: %s", receipt.batch, error)
            receipt.leave(*early)
            return
        logger.warning(
            "The entries of %s could not be closed and come up again: %s",
            receipt.batch,
            described(error),
        )
        receipt.closed.set()
        self._sweeper.sweep_later(receipt.entries[0].using, LEASE)

    def _plan(self, left: Sequence[Left]) -> None:
        pending = [each.seconds for each in left if not each.dead]
        if pending:
            self._sweeper.sweep_in(min(pending), until=max(pending) + _MARGIN)
        if left:
            self._sweeper.count(len(left))
