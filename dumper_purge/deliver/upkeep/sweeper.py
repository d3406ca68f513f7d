"""Takes up what is due in the outboxes, of whichever process it is."""

import logging
import math
import random
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial

from django.db import Error, connections

from dumper_purge.conf import current
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox import claims, compaction, outboxes
from dumper_purge.deliver.outbox.engines import INLINE
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import Row
from dumper_purge.exceptions import described

__all__ = ["AT_ONCE", "LEASE", "Sweeper"]

logger = logging.getLogger("dumper.deliver")

AT_ONCE = 1_000
LEASE = 30.0
"""Seconds within which nobody else takes up what was claimed."""
_COMPACT_EVERY = 500
_AFTER = 0.01
_SOON = 3.0
_TOGETHER = 0.25
"""Second purges of so many seconds become one."""
_LOOK_EVERY = 1.0
_OVERDUE = 10.0
"""Seconds that a worker or a queue has, before the process itself takes up what is due."""


class Sweeper:
    """``take_up`` is called with claimed rows; it is connected when all rooms are there."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._take_up: Callable[[list[Row]], list[Receipt]] = lambda rows: []
        self.forget()

    def connect(self, take_up: Callable[[list[Row]], list[Receipt]]) -> None:
        """Carry out claimed rows by calling this."""
        self._take_up = take_up

    def forget(self) -> None:
        """Drop what is planned."""
        self._next, self._until = math.inf, 0.0
        self._waiting: set[tuple[str, Callable[[str], object]]] = set()
        self._looked = time.monotonic()
        self._uncounted = random.randrange(_COMPACT_EVERY)  # noqa: S311 - so that processes differ

    def sweep_in(self, seconds: float, *, until: float) -> None:
        """Sweep in so many seconds, and again while something is due until the other moment.

        What is due a little earlier or later goes with it.
        """
        now = time.monotonic()
        due = now + seconds + _AFTER
        self._until = max(self._until, now + until)
        if due < self._next:
            self._next = due
            self._background.later(due - now, partial(self._planned, due))

    def sweep_later(self, using: str, seconds: float) -> None:
        """Sweep one database in so many seconds, if this process still runs then."""
        sweep = partial(self._submit, using, self._sweep)
        self._background.later(seconds, sweep, optional=True)

    def hasten(self, alias: str, node: str) -> None:
        """Carry out now what a node is owed, since it is back."""

        def hasten(using: str) -> None:
            claims.hasten(using, alias, node)
            self._sweep(using)

        self._submit_all(hasten)

    def is_time(self, every: float) -> bool:
        """Tell whether nobody has looked for so many seconds."""
        return time.monotonic() >= self._looked + every

    def look(self, every: float = _LOOK_EVERY, *, here: Collection[str] = ()) -> None:
        """See whether anything is due, at most once in so many seconds, and sweep if so.

        Only the databases ``here`` are asked in the caller's thread: another one may not answer.
        """
        if not current().outbox or not self.is_time(every):
            return
        self._looked = time.monotonic()
        for using in outboxes.known_outboxes():
            if using not in here and self._background.writes_later:
                self._submit(using, self._look_at)
            elif _is_overdue(using):
                self._submit(using, self._sweep)

    def _look_at(self, using: str) -> None:
        if _is_overdue(using):
            self._sweep(using)

    def discover(self) -> None:
        """Look beside the caller for outboxes that this process does not know yet."""
        if current().outbox:
            for using in outboxes.unknown_databases():
                self._submit(using, outboxes.look_up)

    def sweep(self) -> list[Receipt]:
        """Take up all that is due; return the receipts, which others will close.

        Of the databases that are known to have an outbox.
        """
        return [receipt for using in outboxes.known_outboxes() for receipt in self._sweep(using)]

    def _sweep(self, using: str) -> list[Receipt]:
        receipts: list[Receipt] = []
        try:
            receipts.extend(self._taken(using))
        except Error as error:
            logger.warning("The outbox of %r could not be swept: %s", using, error)
        return receipts

    def _taken(self, using: str) -> Iterator[Receipt]:
        while rows := claims.claim(using, limit=AT_ONCE, lease=LEASE):
            yield from self._take_up(rows)
            if len(rows) < AT_ONCE:
                return
            self._compact(using)

    def count(self, rows: int) -> None:
        """Note that rows were added that stay for a while, so that they are never too many."""
        self._uncounted += rows
        if self._uncounted >= _COMPACT_EVERY:
            self._uncounted = 0
            self._submit_all(self._compact)

    def _planned(self, due: float) -> None:
        if self._next == due:
            self._next = math.inf
        self._submit_all(self._sweep_and_plan)

    def _sweep_and_plan(self, using: str) -> None:
        """Sweep, and again while this process knows of something that is due later."""
        self._sweep(using)
        now = time.monotonic()
        if self._until > now:
            seconds = _next_due(using)
            if seconds < math.inf:
                wait = max(min(seconds, self._until - now), _TOGETHER)
                self.sweep_in(wait, until=self._until - now)

    def _submit_all(self, action: Callable[[str], object]) -> None:
        if current().outbox:
            for using in outboxes.known_outboxes():
                self._submit(using, action)

    def _submit(self, using: str, action: Callable[[str], object]) -> None:
        """Have a clerk do something, once: while his database is silent he gets no pile of it."""
        task = (using, action)
        if task in self._waiting:
            return
        self._waiting.add(task)

        def do() -> None:
            self._waiting.discard(task)
            action(using)

        self._background.clerk(using).submit(do)

    def _compact(self, using: str) -> None:
        limit = current().backlog_limit
        for left in compaction.compact(using, limit=limit):
            logger.warning(
                "More than DUMPER_BACKLOG_LIMIT (%d) entries of %r are %s for %s: they have become"
                " one purge of everything there.",
                limit, using, left.state, f"{left.alias} {left.node}".strip() or "all backends",
            )  # fmt: skip


def _is_overdue(using: str) -> bool:
    """Tell whether something is due that nobody takes up; a worker or a queue is given time."""
    if connections[using].in_atomic_block:
        return False
    try:
        seconds = claims.next_due(using)
    except Exception as error:  # It may be called at the end of a request.
        logger.warning("The outbox of %r could not be looked at: %s", using, described(error))
        return False
    patience = 0.0 if current().engine == INLINE else _OVERDUE
    return seconds is not None and seconds <= -patience


def _next_due(using: str) -> float:
    """Return in how many seconds something is due; soon, where the database cannot be asked."""
    try:
        seconds = claims.next_due(using)
    except Error as error:
        logger.warning("The outbox of %r could not be looked at: %s", using, described(error))
        return _SOON
    return math.inf if seconds is None else seconds
