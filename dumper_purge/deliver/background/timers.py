"""What is done later, by one thread that lives while anything is due."""

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.errand import Errand

__all__ = ["Timers"]

logger = logging.getLogger("dumper.deliver")


class _Timer(NamedTuple):
    due: float
    order: int
    action: Callable[[], None]
    errand: Errand | None
    optional: bool


class Timers:
    """A heap of actions. ``changed`` is notified whenever it changes.

    The thread has a bell of its own, so that it does not wake for what others have done.
    """

    def __init__(self, changed: threading.Condition, threads: Threads) -> None:
        self._changed = changed
        self._threads = threads
        self._order = itertools.count()
        self._heap: list[_Timer] = []
        self._firing = 0
        self._ticking = False
        self._last_call = 0.0
        self._bell = threading.Event()
        self._process = os.getpid()

    def later(
        self,
        seconds: float,
        action: Callable[[], None],
        *,
        errand: Errand | None = None,
        optional: bool = False,
    ) -> None:
        """Call ``action`` in so many seconds.

        ``errand`` is what it will carry out. What is ``optional`` is not waited for at exit.
        """
        due = time.monotonic() + seconds
        with self._changed:
            timer = _Timer(self._in_time(due), next(self._order), action, errand, optional)
            heapq.heappush(self._heap, timer)
            if self._heap[0] is timer:
                self._ring()
            if self._ticking:
                return
            self._ticking = True
        if not self._threads.start(self._tick):
            self._ticking = False

    def cancel(self, errand: Errand) -> None:
        """Forget the timer of an errand."""
        with self._changed:
            self._heap = [timer for timer in self._heap if timer.errand is not errand]
            heapq.heapify(self._heap)
            self._ring()

    def drop(self) -> None:
        """Forget all timers, without the lock: after a fork nobody may be there to release it."""
        self._heap = []
        if os.getpid() == self._process:  # The lock of the bell is another one of those.
            self._bell.set()

    def hurry(self, seconds: float) -> None:
        """Do in so many seconds what is, or will be, due later than that."""
        with self._changed:
            self._last_call = time.monotonic() + seconds
            self._heap = [timer._replace(due=self._in_time(timer.due)) for timer in self._heap]
            heapq.heapify(self._heap)
            self._ring()

    def fire(self) -> None:
        """Do what is due, in this thread."""
        while True:
            with self._changed:
                if not self._heap or self._heap[0].due > time.monotonic():
                    return
                timer = heapq.heappop(self._heap)
                self._firing += 1
            try:
                timer.action()
            except Exception:
                # The other timers must not be lost with it.
                logger.exception("A purge could not be continued.")
            finally:
                with self._changed:
                    self._firing -= 1
                    self._changed.notify_all()

    def catch_up(self) -> None:
        """Do what is overdue, if there is no thread that does it."""
        if self._heap and not self._ticking:
            self.fire()

    def is_idle(self) -> bool:
        """Tell whether nothing is due, now or later, that must be done."""
        return not self._firing and all(timer.optional for timer in self._heap)

    def next_due(self) -> float | None:
        """Return when the next action is due, on the monotonic clock."""
        return self._heap[0].due if self._heap else None

    def errands(self) -> list[Errand]:
        """Return the errands that are due later."""
        return [timer.errand for timer in self._heap if timer.errand]

    def _in_time(self, due: float) -> float:
        return due if self._last_call < time.monotonic() else min(due, self._last_call)

    def _ring(self) -> None:
        self._bell.set()
        self._changed.notify_all()

    def _tick(self) -> None:
        while True:
            try:
                self.fire()
            except BaseException:  # In this thread nobody else sees it, and others are due later.
                logger.exception("A purge could not be continued.")
            with self._changed:
                due = self.next_due()
                if due is None:
                    self._ticking = False
                    return
                self._bell.clear()
            self._bell.wait(max(due - time.monotonic(), 0))
