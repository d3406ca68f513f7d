"""A circuit breaker per node: one that keeps failing is asked only now and then, by one probe."""

import threading
import time
from dataclasses import dataclass

__all__ = ["Breaker", "Breakers"]

THRESHOLD = 3
"""So many failures in a row open it."""
_PROBE_TAKES = 60.0
_WHILE_PROBED = 1.0
"""A probe that succeeds has what was left hastened; one that hangs must not bring it up again."""


@dataclass
class Breaker:
    """Closed while the node answers; open until ``retry_at`` (monotonic), then half open."""

    failures: int = 0
    retry_at: float = 0.0
    probe_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the node is left alone."""
        return self.failures >= THRESHOLD

    def rest(self) -> float:
        """Return for how many seconds it is still to be left alone, by whoever makes no probe."""
        now = time.monotonic()
        if now < self.retry_at:
            return self.retry_at - now
        if self.probe_since is not None and now - self.probe_since < _PROBE_TAKES:
            return _WHILE_PROBED
        return 0.0


class Breakers:
    """The breakers of this process, by alias and node."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Close all of them."""
        self._lock = threading.Lock()
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def rest(self, alias: str, node: str) -> float | None:
        """Return for how many seconds an open breaker's node is left alone; None if it is closed.

        0 if it is time for a probe.
        """
        with self._lock:
            breaker = self._breakers.get((alias, node))
            return breaker.rest() if breaker is not None and breaker.is_open else None

    def wait(self, alias: str, node: str) -> float:
        """Return the seconds after which the node may be asked; 0 for now.

        Whoever gets 0 of one that is open makes the probe, and has to report how it went.
        """
        with self._lock:
            breaker = self._breakers.get((alias, node))
            if breaker is None or not breaker.is_open:
                return 0.0
            seconds = breaker.rest()
            if not seconds:
                breaker.probe_since = time.monotonic()
            return seconds

    def give_back(self, alias: str, node: str) -> None:
        """Leave the probe to somebody else: the node was not asked after all."""
        with self._lock:
            breaker = self._breakers.get((alias, node))
            if breaker is not None:
                breaker.probe_since = None

    def failures(self, alias: str, node: str) -> int:
        """Return how often a node has failed since its last success."""
        breaker = self._breakers.get((alias, node))
        return 0 if breaker is None else breaker.failures

    def failed(self, alias: str, node: str, seconds: float) -> None:
        """Note a failure, after which the next attempt is due in ``seconds``."""
        with self._lock:
            breaker = self._breakers.setdefault((alias, node), Breaker())
            breaker.failures += 1
            breaker.retry_at = time.monotonic() + seconds
            breaker.probe_since = None

    def succeeded(self, alias: str, node: str) -> bool:
        """Note a success; return True if failures came before it."""
        with self._lock:
            return self._breakers.pop((alias, node), None) is not None
