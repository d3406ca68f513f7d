"""Looks in a while whether deliveries are still open whose makers wait no longer."""

import threading
import time
from collections import deque
from collections.abc import Callable

from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.outbox.receipt import Receipt

__all__ = ["Watch"]

_LONG = 0.25
"""Seconds after which what is left no longer waits for the rest of a delivery."""


class Watch:
    """Calls ``end`` with a receipt that takes long, and that it holds."""

    def __init__(self, background: Background, end: Callable[[Receipt], None]) -> None:
        self._background = background
        self._end = end
        self.forget()

    def forget(self) -> None:
        """Drop all: after a fork it belongs to the parent."""
        self._lock = threading.Lock()
        self._watched: deque[tuple[float, Receipt]] = deque()

    def add(self, receipt: Receipt) -> None:
        """Look in a while whether a receipt is still open."""
        with self._lock:
            is_watching = bool(self._watched)
            self._watched.append((time.monotonic() + _LONG, receipt))
        if not is_watching:
            self._background.later(_LONG, self._look, optional=True)

    def add_for(self, seconds: float, receipt: Receipt) -> None:
        """Do the same in so many seconds, which may be far more."""
        self._background.later(seconds, lambda: self._see_to(receipt), optional=True)

    def _look(self) -> None:
        now = time.monotonic()
        long: list[Receipt] = []
        with self._lock:
            while self._watched and self._watched[0][0] <= now:
                long.append(self._watched.popleft()[1])
            wait = self._watched[-1][0] - now if self._watched else None
        for receipt in long:
            self._see_to(receipt)
        if wait is not None:
            self._background.later(wait, self._look, optional=True)

    def _see_to(self, receipt: Receipt) -> None:
        if receipt.hold_if_open():
            receipt.takes_long = True
            self._end(receipt)
