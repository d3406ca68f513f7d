"""What goes on after the caller has left: a thread per busy node, and one for the timers.

Threads are daemons and live only while there is work. A node has one lane for purges and one for
waiting, so a slow node keeps up to two threads busy and delays no other. Where threads cannot
run (uWSGI without ``enable-threads``, an interpreter that is shutting down), entries are carried
out inline, and timers when the next delivery comes by.
"""

import heapq
import itertools
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from django.db import connections

from dumper_purge.deliver.entry import Entry, Lane

__all__ = ["Background"]

logger = logging.getLogger("dumper.deliver")

_THREAD = "dumper"


class _Timer(NamedTuple):
    due: float
    order: int
    action: Callable[[], None]
    entry: Entry | None
    optional: bool


def _threads_run() -> bool:
    """Tell whether threads run here; uWSGI stops them by default."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is None:
        return True
    answers = (uwsgi.opt.get(name) for name in ("threads", "enable-threads"))
    texts = (value.decode() if isinstance(value, bytes) else str(value) for value in answers)
    return any(text.lower() not in {"none", "false", "0", "off", "no", ""} for text in texts)


class Background:
    """Carries out entries by calling ``carry_out`` with those of one lane."""

    def __init__(self, carry_out: Callable[[list[Entry]], None]) -> None:
        self._carry_out = carry_out
        self._order = itertools.count()
        self.forget()

    def forget(self) -> None:
        """Drop all that is pending: after a fork it belongs to the parent."""
        self._changed = threading.Condition()
        self._lanes: dict[Lane, deque[Entry]] = {}
        self._timers: list[_Timer] = []
        self._running: dict[Lane, list[Entry]] = {}
        self._ticking = False
        self._quiet = False
        self.threads = _threads_run()
        """Whether the last thread could be started."""

    def submit(self, entry: Entry) -> None:
        """Carry out an entry now, beside the caller."""
        with self._changed:
            lane = self._lanes.get(entry.lane)
            if lane is not None:
                lane.append(entry)
                return
            self._lanes[entry.lane] = deque([entry])
        if not self._start(lambda: self._work(entry.lane)):
            self._work(entry.lane)

    def later(
        self,
        seconds: float,
        action: Callable[[], None],
        *,
        entry: Entry | None = None,
        optional: bool = False,
    ) -> None:
        """Call ``action`` in so many seconds.

        ``entry`` is what it will carry out. What is ``optional`` is not waited for at exit.
        """
        due = time.monotonic() + seconds
        timer = _Timer(due, next(self._order), action, entry, optional)
        with self._changed:
            heapq.heappush(self._timers, timer)
            self._changed.notify_all()
            if self._ticking:
                return
            self._ticking = True
        if not self._start(self._tick):
            self._ticking = False

    def catch_up(self) -> None:
        """Do what is overdue where no thread does it."""
        if self._timers and not self._ticking:
            self._fire()

    def finish(self, timeout: float, *, hurry: bool = False) -> list[Entry]:
        """Wait until nothing is pending; return what is still pending after ``timeout`` seconds.

        ``hurry`` does at once what is due only after that.
        """
        deadline = time.monotonic() + timeout
        if hurry:
            self._bring_forward(deadline)
        while (now := time.monotonic()) < deadline:
            self._fire()
            with self._changed:
                if self.is_idle():
                    return []
                due = self._timers[0].due if self._timers else deadline
                self._changed.wait(max(min(due, deadline) - now, 0.001))
        return self.pending()

    def is_idle(self) -> bool:
        """Tell whether nothing is pending that must be done."""
        return not self._lanes and all(timer.optional for timer in self._timers)

    def pending(self) -> list[Entry]:
        """Return the entries that are being carried out, or wait for their turn or their time."""
        with self._changed:
            entries = [entry for running in self._running.values() for entry in running]
            entries += [entry for lane in self._lanes.values() for entry in lane]
            return entries + [timer.entry for timer in self._timers if timer.entry]

    def exit(self, timeout: float) -> None:
        """Finish at the end of the process, and log what could not be."""
        self._quiet = True
        for entry in self.finish(timeout, hurry=True):
            logger.error("The process ends before %s was purged on %s.", entry.batch, entry)

    def _start(self, target: Callable[[], None]) -> bool:
        reason = "uWSGI runs without enable-threads"
        self.threads = _threads_run()
        if self.threads:
            try:
                threading.Thread(target=target, name=_THREAD, daemon=True).start()
            except RuntimeError as error:
                self.threads, reason = False, str(error)
        if not self.threads and not self._quiet:
            self._quiet = True
            logger.warning("Purges are sent inline, as no thread can run here: %s.", reason)
        return self.threads

    def _work(self, lane: Lane) -> None:
        try:
            while entries := self._take(lane):
                self._carry_out(entries)
        except BaseException:
            with self._changed:
                self._lanes.pop(lane, None)
                self._running.pop(lane, None)
            raise
        finally:
            if threading.current_thread().name == _THREAD:
                connections.close_all()

    def _take(self, lane: Lane) -> list[Entry]:
        """Take the waiting entries that go together; end the lane if there are none."""
        with self._changed:
            waiting = self._lanes[lane]
            entries: list[Entry] = []
            while waiting and _together(waiting[0], (entries or waiting)[0]):
                entries.append(waiting.popleft())
            self._running[lane] = entries
            if not entries:
                del self._lanes[lane], self._running[lane]
                self._changed.notify_all()
            return entries

    def _tick(self) -> None:
        while True:
            self._fire()
            with self._changed:
                if not self._timers:
                    self._ticking = False
                    return
                self._changed.wait(max(self._timers[0].due - time.monotonic(), 0))

    def _fire(self) -> None:
        while True:
            with self._changed:
                if not self._timers or self._timers[0].due > time.monotonic():
                    return
                timer = heapq.heappop(self._timers)
            timer.action()

    def _bring_forward(self, deadline: float) -> None:
        now = time.monotonic()
        with self._changed:
            self._timers = [
                timer._replace(due=now) if timer.due > deadline else timer
                for timer in self._timers
            ]
            heapq.heapify(self._timers)


def _together(entry: Entry, other: Entry) -> bool:
    return entry.backend is other.backend and entry.step is other.step
