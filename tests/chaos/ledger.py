"""What was committed and when: it tells how old a page is that somebody was shown."""

import threading
import time
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping

__all__ = ["Ledger"]


class Ledger:
    """The versions of all rows, with the moments at which their commits were acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._versions: dict[str, list[tuple[int, float, str]]] = defaultdict(list)
        self.ages: list[float] = []
        """For each page that was read: for how many seconds it had been old."""

    def note(self, versions: Mapping[str, int], writer: str) -> None:
        """Note versions that are committed by now, and by what."""
        now = time.monotonic()
        with self._lock:
            for row, version in versions.items():
                known = self._versions[row]
                insort(known, (version, now, writer))

    def read(self, shown: Mapping[str, int], sent_at: float) -> tuple[float, str]:
        """Note a page that shows such versions; return its age and the row that tells it."""
        with self._lock:
            ages = [(self._age(row, version, sent_at), row) for row, version in shown.items()]
            oldest = max(ages, default=(0.0, ""))
            self.ages.append(oldest[0])
            return oldest

    def history(self, row: str, version: int) -> str:
        """Return when and by what later versions of a row were committed."""
        with self._lock:
            later = self._later(row, version)
        return ", ".join(
            f"{row} {number} at {at - self._began:.2f} s by {writer}"
            for number, at, writer in later[:3]
        )

    def _age(self, row: str, version: int, sent_at: float) -> float:
        return max([0.0, *(sent_at - at for _, at, _ in self._later(row, version))])

    def _later(self, row: str, version: int) -> list[tuple[int, float, str]]:
        known = self._versions[row]
        return known[bisect_right(known, (version, float("inf"), "")) :]
