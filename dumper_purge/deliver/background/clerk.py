"""A thread that keeps one outbox while there is something to keep, with one connection."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from dumper_purge.deliver.background.threads import Threads

__all__ = ["Clerk"]

logger = logging.getLogger("dumper.deliver")

_LINGERS = 0.2


class Clerk:
    """Does tasks one after the other, beside the caller where threads run."""

    def __init__(self, changed: threading.Condition, threads: Threads) -> None:
        self._changed = changed
        self._threads = threads
        self._tasks: deque[Callable[[], object]] = deque()
        self._is_busy = self._is_there = False
        self._filled = threading.Event()

    def submit(self, task: Callable[[], object]) -> None:
        """Do a task as soon as those before it are done; what it raises is logged."""
        with self._changed:
            self._tasks.append(task)
            self._filled.set()
            if self._is_there:
                return
            self._is_there = True
        if not self._threads.start(self._work_on):
            self._work_here()

    def is_idle(self) -> bool:
        """Tell whether no task waits or is being done."""
        return not (self._tasks or self._is_busy)

    def _work_on(self) -> None:
        while True:
            self._work()
            self._filled.wait(_LINGERS)
            with self._changed:
                if not self._tasks:
                    self._is_there = False
                    return

    def _work_here(self) -> None:
        """Do the tasks in the caller's thread, which may be ended meanwhile."""
        try:
            self._work(caught=Exception)
        finally:
            with self._changed:
                self._is_there = self._is_busy = False

    def _work(self, caught: type[BaseException] = BaseException) -> None:
        while True:
            with self._changed:
                self._is_busy = bool(self._tasks)
                if not self._tasks:
                    self._filled.clear()
                    self._changed.notify_all()
                    return
                task = self._tasks.popleft()
            try:
                task()
            except caught:  # In a thread of its own nobody else sees it, and others still wait.
                logger.exception("The outbox could not be kept; what is in it comes up again.")
