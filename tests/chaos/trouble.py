"""What all faults share: the site, what has a fault at the moment, and the log of it."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.orders import Orders
from tests.chaos.processes import Process, children, is_stopped
from tests.chaos.stage import Stage

__all__ = ["LONGEST", "PATIENCE", "Trouble"]

LONGEST = 5.0
"""How many seconds a fault may last."""
PATIENCE = 3.0
"""How many seconds are waited for a process to meet its fate."""


class Trouble:
    """Faults of several sources, which are not to have the same target at once."""

    def __init__(self, stage: Stage, orders: Orders) -> None:
        self.stage = stage
        self.orders = orders
        self.counts: Counter[str] = Counter()
        self.log: list[str] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def note(self, fault: str, target: str = "") -> None:
        """Count a fault, and write down when it came."""
        moment = time.monotonic() - self._began
        with self._lock:
            self.counts[fault] += 1
            self.log.append(f"{moment:7.2f} {fault} {target}".rstrip())

    @contextmanager
    def claim(self, target: str) -> Iterator[bool]:
        """Yield whether the target has no other fault; it is this one's during the block."""
        with self._lock:
            free = target not in self._busy
            self._busy.add(target)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._busy.discard(target)

    def resume(self, processes: list[Process], seconds: float) -> None:
        """Wait for one of them to stop itself, and let it go on after so many seconds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pids = [pid for process in processes for pid in (process.pid, *children(process.pid))]
            if any(map(is_stopped, pids)):
                time.sleep(seconds)
                break
            time.sleep(0.05)
        for process in processes:
            process.go_on()
