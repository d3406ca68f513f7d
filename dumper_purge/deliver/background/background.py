"""What goes on after the caller has left: lanes of errands, timers, and the outboxes' clerks."""

import logging
import threading
import time
from collections.abc import Callable

from dumper_purge import environment
from dumper_purge.deliver.background.clerk import Clerk
from dumper_purge.deliver.background.lanes import Lanes
from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.background.timers import Timers
from dumper_purge.deliver.errand import Errand

__all__ = ["Background"]

logger = logging.getLogger("dumper.deliver")

_LAST_CALL = 0.8


class Background:
    """Carries out errands by calling ``carry_out`` with those that go together."""

    def __init__(self, carry_out: Callable[[list[Errand]], None]) -> None:
        self._carry_out = carry_out
        self._begin()

    def forget(self) -> None:
        """Drop all that is pending: after a fork it belongs to the parent."""
        self._timers.drop()
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._threads = Threads()
        self._timers = Timers(self._changed, self._threads)
        self._lanes = Lanes(self._changed, self._threads, self._carry_out)
        self._clerks: dict[str, Clerk] = {}

    @property
    def has_threads(self) -> bool:
        """Whether threads run here."""
        return self._threads.available

    @property
    def writes_later(self) -> bool:
        """Whether a thread may write to a database when the caller has left.

        A test may count rows, pytest-django lets nobody use a database between two tests, and a
        thread that does so all the same keeps it from being dropped.
        """
        return self.has_threads and not environment.is_test()

    def clerk(self, using: str) -> Clerk:
        """Return who keeps the outbox of a database: one that does not answer holds up no other."""
        with self._changed:
            if using not in self._clerks:
                self._clerks[using] = Clerk(self._changed, self._threads)
            return self._clerks[using]

    def has_idle_clerks(self) -> bool:
        """Tell whether no clerk has anything to do."""
        return all(clerk.is_idle() for clerk in self._clerks.values())

    def submit(self, errand: Errand) -> None:
        """Carry out an errand now, beside the caller where that is possible."""
        self._lanes.submit(errand)

    def is_stuck(self, errand: Errand) -> bool:
        """Tell whether an errand would wait behind one that has already taken long."""
        return self._lanes.is_stuck(errand.lane)

    def later(
        self,
        seconds: float,
        action: Callable[[], None],
        *,
        errand: Errand | None = None,
        optional: bool = False,
    ) -> None:
        """Call ``action`` in so many seconds (see :meth:`Timers.later`)."""
        self._timers.later(seconds, action, errand=errand, optional=optional)

    def cancel(self, errand: Errand) -> None:
        """Forget the timer of an errand."""
        self._timers.cancel(errand)

    def catch_up(self) -> None:
        """Do what is overdue where no thread does it."""
        self._timers.catch_up()

    def is_idle(self) -> bool:
        """Tell whether nothing is pending that must be done."""
        return self._lanes.is_idle() and self._timers.is_idle() and self.has_idle_clerks()

    def finish(self, timeout: float) -> list[Errand]:
        """Wait until nothing is pending; return what still is after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while (now := time.monotonic()) < deadline:
            self._timers.fire()
            with self._changed:
                if self.is_idle():
                    return []
                due = self._timers.next_due() or deadline
                self._changed.wait(max(min(due, deadline) - now, 0.001))
        with self._changed:
            return self._lanes.errands() + self._timers.errands()

    def exit(self, timeout: float) -> None:
        """Finish at the end of the process, and log what could not be.

        What is due too late is done when most of the time is over.
        """
        self._threads.quiet = True
        self._timers.hurry(_LAST_CALL * timeout)
        for errand in self.finish(timeout):
            logger.error("The process ended before it could purge %s on %s.", errand.batch, errand)
