"""A plan on its way to an API: in calls, several at once, halved where they are refused."""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from dumper_purge.backends.api.planning import Item
from dumper_purge.backends.outcome import Verdict
from dumper_purge.exceptions import PurgeError, Rejected, Transient

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["Sending", "grouped"]

_MOST_HALVINGS = 64
"""Of one purge for bad items: where every one is, each alone need not be found out. Of calls that
are too big, so many without one that is done: then it is not their size."""


def grouped(backend: "ApiBackend", items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items of each call, as many as it may hold."""
    for name, same in groupby(items, key=lambda item: item.operation):
        limits = backend.limits(name)
        group: list[Item] = []
        size = 0
        for item in same:
            length = len(item.name) + limits.bytes_between
            if group and (len(group) == limits.items or size + length > limits.bytes):
                yield group
                group, size = [], 0
            group.append(item)
            size += length
        if group:
            yield group


class Sending:
    """One run; ``errors`` says what went wrong and ``unsent`` which items were not purged."""

    def __init__(self, backend: "ApiBackend", groups: list[list[Item]]) -> None:
        self.errors: list[PurgeError] = []
        self._backend = backend
        self._items = [item for group in groups for item in group]
        self._done: set[Item] = set()
        self._waiting = deque(groups)
        self._halvings: Counter[Verdict] = Counter()
        self._stopped: BaseException | None = None
        self._lock = threading.Lock()

    @property
    def unsent(self) -> list[Item]:
        """The items that no call has purged, for all that is known."""
        return [item for item in self._items if item not in self._done]

    @property
    def stopped(self) -> bool:
        """Whether something went wrong after which no other call would succeed."""
        return self._stopped is not None

    def run(self) -> None:
        """Make all calls, beside each other; the first that nothing can come after stops the rest.

        Raises what is no :class:`~dumper_purge.exceptions.PurgeError`: a bug.
        """
        count = min(self._backend.concurrency, len(self._waiting))
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count - 1)]
        started = list(filter(_start, threads))
        self._work()
        for thread in started:
            thread.join()
        if self._stopped is not None and not isinstance(self._stopped, PurgeError):
            raise self._stopped

    def _work(self) -> None:
        while (group := self._next()) is not None:
            try:
                self._make(group)
            except BaseException as error:  # What ends a thread must not pass for a success.
                self._stop(error)

    def _stop(self, error: BaseException) -> None:
        with self._lock:
            if isinstance(error, PurgeError):
                self.errors.append(error)
                self._stopped = self._stopped or error
            else:
                self._stopped = error

    def _next(self) -> list[Item] | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting and self._stopped is None else None

    def _make(self, group: list[Item]) -> None:
        """Make one call; raise what stops all others, too."""
        names = [item.name for item in group]
        verdict, error = self._backend.call(group[0].operation, names)
        if verdict not in {Verdict.DONE, Verdict.TOO_BIG, Verdict.BAD_ITEM}:
            raise error or Transient("no answer")
        with self._lock:
            if verdict is Verdict.DONE:
                self._done.update(group)
                self._halvings[Verdict.TOO_BIG] = 0
            elif len(group) > 1 and self._halvings[verdict] < _MOST_HALVINGS:
                self._halve(group, verdict)
            else:
                self.errors.append(error or Rejected("refused"))

    def _halve(self, group: list[Item], verdict: Verdict) -> None:
        """Let both halves be the next, so that it is soon known whether that helps."""
        self._halvings[verdict] += 1
        middle = len(group) // 2
        self._waiting.extendleft([group[middle:], group[:middle]])


def _start(thread: threading.Thread) -> bool:
    """Start a thread; False where the interpreter is ending, and none can be."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
