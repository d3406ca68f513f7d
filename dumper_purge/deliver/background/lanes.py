"""A thread for every busy node."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.errand import Errand, Lane

__all__ = ["Lanes"]

_LONG = 0.5
_LINGERS = 0.5

logger = logging.getLogger("dumper.deliver")


class _Line:
    """The errands of one lane; it is ``filled`` while some wait."""

    def __init__(self) -> None:
        self.waiting: deque[Errand] = deque()
        self.running: list[Errand] = []
        self.since = math.inf
        self.filled = threading.Event()

    def put(self, errand: Errand) -> None:
        self.waiting.append(errand)
        self.filled.set()

    def take(self) -> list[Errand]:
        """Take those that go together, and note since when they run."""
        taken: list[Errand] = []
        while self.waiting and _together(self.waiting[0], (taken or self.waiting)[0]):
            taken.append(self.waiting.popleft())
        if not self.waiting:
            self.filled.clear()
        self.running = taken
        self.since = time.monotonic() if taken else math.inf
        return taken


class Lanes:
    """Calls ``carry_out`` with the errands that wait in one lane and go together.

    A slow node keeps its own thread busy and delays no other. The thread stays for a while, as the
    next save has work for it again. Where none can be started, the caller's does the work.
    """

    def __init__(
        self,
        changed: threading.Condition,
        threads: Threads,
        carry_out: Callable[[list[Errand]], None],
    ) -> None:
        self._changed = changed
        self._threads = threads
        self._carry_out = carry_out
        self._lines: dict[Lane, _Line] = {}

    def submit(self, errand: Errand) -> None:
        """Carry out an errand, after what is before it in its lane."""
        lane = errand.lane
        with self._changed:
            is_there = lane in self._lines
            self._lines.setdefault(lane, _Line()).put(errand)
        if not is_there and not self._threads.start(lambda: self._work_on(lane)):
            self._work(lane)

    def is_stuck(self, lane: Lane) -> bool:
        """Tell whether what is being carried out there has already taken long."""
        line = self._lines.get(lane)
        return line is not None and time.monotonic() - line.since > _LONG

    def is_idle(self) -> bool:
        """Tell whether no errand waits or is being carried out."""
        return not self.errands()

    def errands(self) -> list[Errand]:
        """Return the errands that wait or are being carried out."""
        lines = self._lines.values()
        return [errand for line in lines for errand in (*line.running, *line.waiting)]

    def _work_on(self, lane: Lane) -> None:
        line = self._lines[lane]
        while line.filled.wait(_LINGERS) or not self._end(lane):
            while errands := self._take(line):
                try:
                    self._carry_out(errands)
                except BaseException:  # In this thread nobody else sees it, and others still wait.
                    logger.exception("A purge was interrupted.")

    def _work(self, lane: Lane) -> None:
        line = self._lines[lane]
        try:
            while errands := self._take(line):
                self._carry_out(errands)
        finally:
            with self._changed:
                del self._lines[lane]
                self._changed.notify_all()

    def _take(self, line: _Line) -> list[Errand]:
        with self._changed:
            taken = line.take()
            if not taken:
                self._changed.notify_all()
            return taken

    def _end(self, lane: Lane) -> bool:
        """Give the lane up; False if something has come meanwhile."""
        with self._changed:
            if self._lines[lane].waiting:
                return False
            del self._lines[lane]
            return True


def _together(errand: Errand, other: Errand) -> bool:
    return errand.backend is other.backend and errand.step is other.step
