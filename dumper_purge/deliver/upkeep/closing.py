"""The end of an entry: it is closed, or what is left of it written down, here or by the clerk."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from dumper_purge.databases import bears_others
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox import nodes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.upkeep.ledger import Booking, Ledger
from dumper_purge.deliver.upkeep.riders import Riders
from dumper_purge.deliver.upkeep.sweeper import Sweeper
from dumper_purge.deliver.upkeep.watch import Watch

__all__ = ["Closing"]

_GATHERS = 0.1
"""Seconds in which what several saves have left becomes one transaction."""


class Closing:
    """Closes the entries of receipts, and plans what is left; nothing here raises.

    What a clerk does he does in the order in which it was handed in, so that what is left is
    written before the entry goes.
    """

    def __init__(self, background: Background, sweeper: Sweeper, riders: Riders) -> None:
        self._background = background
        self._riders = riders
        self.ledger = Ledger(background, sweeper, riders)
        self._watch = Watch(background, self.end)
        self.forget()

    def forget(self) -> None:
        """Drop all: after a fork it belongs to the parent."""
        self._lock = threading.Lock()
        self._bookings: dict[str, list[Booking]] = defaultdict(list)
        self._gathering: set[str] = set()
        self._handed_in: set[str] = set()
        """For which databases what was handed in is planned to be written: in a while, or now."""
        self._watch.forget()

    def is_idle(self) -> bool:
        """Tell whether nothing is to be written."""
        return not any(self._bookings.values())

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
            self._watch.add(receipt)
            self.end(receipt)
            return
        receipt.release()
        if receipt.has_left and self._may_gather(receipt):
            self._hand_in(receipt, None)
        elif not self._is_kept(receipt):
            self.ledger.book([(receipt, None)])

    def let_go_later(self, receipt: Receipt, seconds: float) -> None:
        """Do the same in so many seconds, if it is still open by then."""
        self._watch.add_for(seconds, receipt)

    def hurry(self) -> None:
        """Have written now what was gathered so far."""
        for using in list(self._bookings):
            self._hand_on(using)

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
            self._background.clerk(receipt.entries[0].using).submit(nodes.flush_if_due)
        return True

    def _may_gather(self, receipt: Receipt) -> bool:
        """Tell whether the clerk may write, a little later, what a delivery has left."""
        if receipt.was_claimed or not self._background.writes_later:
            return False
        return all(bears_others(ref.using) for ref in receipt.entries)

    def _write_early(self, receipt: Receipt) -> None:
        left = receipt.take_left()
        if left:
            self._hand_in(receipt, left)

    def _hand_in(self, receipt: Receipt, left: Sequence[Left] | None) -> None:
        """Have the clerk add what is left of an open receipt (None: close it)."""
        using = receipt.entries[0].using
        gathers = (left or receipt.has_left) and self._may_gather(receipt)
        planned = self._gathering if gathers else self._handed_in
        with self._lock:
            self._bookings[using].append((receipt, left))
            is_planned = using in planned
            planned.add(using)
        if not is_planned and gathers:
            self._background.later(_GATHERS, partial(self._hand_on, using))
        elif not is_planned:
            self._hand_on(using)

    def _hand_on(self, using: str) -> None:
        self._background.clerk(using).submit(partial(self._work_off, using))

    def _work_off(self, using: str) -> None:
        with self._lock:
            bookings = self._bookings.pop(using, [])
            self._gathering.discard(using)
            self._handed_in.discard(using)
        if bookings:
            self.ledger.book(bookings)
