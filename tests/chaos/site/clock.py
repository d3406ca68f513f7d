"""A clock that goes wrong: by as many seconds as a file says.

libfaketime does it from outside, but 0.9.10 either breaks Python's sleep or stops its threads.
"""

import time
from pathlib import Path

__all__ = ["follow"]

_GLANCE = 0.2


def follow(file: Path) -> None:
    """Let this process's ``time.time()`` and ``time.time_ns()`` be as wrong as ``file`` says."""
    clock = _Clock(file)
    right, right_in_ns = time.time, time.time_ns
    time.time = lambda: right() + clock.skew()
    time.time_ns = lambda: right_in_ns() + int(clock.skew() * 1e9)


class _Clock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._skew = 0.0
        self._look_again_at = 0.0

    def skew(self) -> float:
        now = time.monotonic()
        if now >= self._look_again_at:
            # While it is written the file is empty.
            self._skew = float(self._file.read_text() or self._skew)
            self._look_again_at = now + _GLANCE
        return self._skew
