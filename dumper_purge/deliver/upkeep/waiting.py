"""Ids that wait in this process, by database and by the thread that has written them."""

import math
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from dumper_purge.collect.outlet import EntryRef

__all__ = ["Key", "Waiting"]

Key: TypeAlias = tuple[str, int]
"""The alias of a database, and a thread."""


class _Ids:
    """What waits under one key: since when, and what the last INSERT took along."""

    __slots__ = ("since", "taken", "taken_by", "touched")

    def __init__(self) -> None:
        self.since: dict[str, float] = {}
        self.taken: Sequence[str] = ()
        self.taken_by = ""
        self.touched = -math.inf


class Waiting:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[Key, _Ids] = {}

    def add(self, refs: Sequence[EntryRef], thread: int, *, most: int) -> bool:
        """Let ids wait; False if they were more than ``most``."""
        now = time.monotonic()
        with self._lock:
            found = [self._of((ref.using, thread)) for ref in refs]
            if any(len(ids.since) + len(refs) > most for ids in found):
                return False
            for ref, ids in zip(refs, found, strict=True):
                ids.since[ref.id] = now
        return True

    def touch(self, key: Key, seconds: float) -> bool:
        """Tell whether this was called for a key within so many seconds."""
        now = time.monotonic()
        with self._lock:
            ids = self._of(key)
            before, ids.touched = ids.touched, now
        return now - before < seconds

    def filled(self) -> list[Key]:
        """Return under which keys something waits."""
        with self._lock:
            return [key for key, ids in self._ids.items() if ids.since]

    def of(self, key: Key, *, longest: float) -> list[str]:
        """Return the ids that have waited no longer than so many seconds."""
        ids = self._ids.get(key)
        if ids is None:
            return []
        earliest = time.monotonic() - longest
        with self._lock:
            return [each for each, since in ids.since.items() if since >= earliest]

    def board(self, key: Key, by: str, taken: Sequence[str]) -> None:
        """Note what the INSERT of the entry ``by`` deletes, once it is committed."""
        with self._lock:
            ids = self._of(key)
            ids.taken_by, ids.taken = by, taken

    def arrive(self, key: Key, by: str) -> None:
        """Forget what the INSERT of the entry ``by`` has deleted."""
        ids = self._ids.get(key)
        if ids is None or ids.taken_by != by:
            return
        with self._lock:
            for each in ids.taken:
                ids.since.pop(each, None)
            ids.taken_by, ids.taken = "", ()

    def take(self, keys: Iterable[Key], *, shortest: float = 0.0) -> dict[str, list[str]]:
        """Take out, by database, the ids that have waited for so many seconds."""
        latest = time.monotonic() - shortest
        found: dict[str, list[str]] = {}
        with self._lock:
            for key in keys:
                ids = self._of(key)
                since = ids.since
                taken = [each for each, at in since.items() if at <= latest]
                for each in taken:
                    del since[each]
                if taken:
                    found.setdefault(key[0], []).extend(taken)
                if not since and ids.touched == -math.inf:
                    del self._ids[key]
        return found

    def _of(self, key: Key) -> _Ids:
        return self._ids.setdefault(key, _Ids())
