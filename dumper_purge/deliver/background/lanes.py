"""A thread for every busy node."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.entry import Entry, Lane

__all__ = ["Lanes"]

_LONG = 0.5

logger = logging.getLogger("dumper.deliver")


class Lanes:
    """Calls ``carry_out`` with the entries that wait in one lane and go together.

    A slow node keeps its own thread busy and delays no other. Where no thread can be started, the
    caller's does the work.
    """

    def __init__(
        self,
        changed: threading.Condition,
        threads: Threads,
        carry_out: Callable[[list[Entry]], None],
    ) -> None:
        self._changed = changed
        self._threads = threads
        self._carry_out = carry_out
        self._waiting: dict[Lane, deque[Entry]] = {}
        self._running: dict[Lane, list[Entry]] = {}
        self._since: dict[Lane, float] = {}

    def submit(self, entry: Entry) -> None:
        """Carry out an entry, after what is before it in its lane."""
        lane = entry.lane
        with self._changed:
            if lane in self._waiting:
                self._waiting[lane].append(entry)
                return
            self._waiting[lane] = deque([entry])
        if not self._threads.start(lambda: self._work_on(lane)):
            self._work(lane)

    def is_stuck(self, lane: Lane) -> bool:
        """Tell whether what is being carried out there has already taken long."""
        return time.monotonic() - self._since.get(lane, math.inf) > _LONG

    def is_idle(self) -> bool:
        """Tell whether no entry waits or is being carried out."""
        return not self._waiting

    def entries(self) -> list[Entry]:
        """Return the entries that wait or are being carried out."""
        return [
            entry
            for lane, waiting in self._waiting.items()
            for entry in (*self._running.get(lane, ()), *waiting)
        ]

    def _work_on(self, lane: Lane) -> None:
        while entries := self._take(lane):
            try:
                self._carry_out(entries)
            except BaseException:  # In this thread nobody else sees it, and others still wait.
                logger.exception("A purge was interrupted.")

    def _work(self, lane: Lane) -> None:
        try:
            while entries := self._take(lane):
                self._carry_out(entries)
        except BaseException:
            with self._changed:
                self._end(lane)
            raise

    def _take(self, lane: Lane) -> list[Entry]:
        with self._changed:
            waiting = self._waiting[lane]
            entries: list[Entry] = []
            while waiting and _together(waiting[0], (entries or waiting)[0]):
                entries.append(waiting.popleft())
            self._running[lane] = entries
            self._since[lane] = time.monotonic()
            if not entries:
                self._end(lane)
            return entries

    def _end(self, lane: Lane) -> None:
        del self._waiting[lane], self._running[lane], self._since[lane]
        self._changed.notify_all()


def _together(entry: Entry, other: Entry) -> bool:
    return entry.backend is other.backend and entry.step is other.step
