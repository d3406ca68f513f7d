"""What holds the outbox's entries of one delivery until all is done or written down anew."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.outbox.changes import Changes
from dumper_purge.deliver.outbox.rows import EVERYWHERE, Left

__all__ = ["Receipt"]


class Receipt:
    """The entries of one batch, and what is left of them so far.

    Whoever still works on the batch holds the receipt; it is complete when nobody does. Its maker
    holds it from the beginning.
    """

    def __init__(
        self, batch: PurgeBatch, entries: Sequence[EntryRef], *, created: float | None = None
    ) -> None:
        self.batch = batch
        self.entries = entries
        self.closed = threading.Event()
        self.takes_long = False
        """Whether its maker waits no longer, so that what is left must not wait for the rest."""
        self.thread = threading.get_ident()
        self._created = created
        self._left: list[Left] = []
        self._holders = 1
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Keep the entries open for one more holder."""
        with self._lock:
            self._holders += 1

    def hold_if_open(self) -> bool:
        """Keep the entries open, unless nobody holds them any more."""
        with self._lock:
            self._holders += bool(self._holders)
            return bool(self._holders)

    @property
    def is_shared(self) -> bool:
        """Whether others than the one who asks hold it. Only a holder can make another one."""
        return self._holders > 1

    @property
    def has_left(self) -> bool:
        """Whether something is to be done later."""
        return bool(self._left)

    @property
    def was_claimed(self) -> bool:
        """Whether it is for rows that were found, and not for those of a delivery."""
        return self._created is not None

    def leave(self, *left: Left) -> None:
        """Note something that is to be done later, by whoever takes it up."""
        with self._lock:
            self._left += left

    def take_left(self) -> list[Left]:
        """Return what is left so far; it is then no longer this receipt's to write down."""
        with self._lock:
            left, self._left = self._left, []
            return left

    def release(self) -> bool:
        """Let go; return True for the last holder, who then has to see to the closing."""
        with self._lock:
            self._holders -= 1
            return not self._holders

    def close(self, backends: Iterable[BaseBackend], changes: Changes) -> list[Left]:
        """Add to the changes that the entries go, and return what is left of them."""
        left = _together(self.take_left(), {backend.alias: backend.nodes for backend in backends})
        single = self.batch if len(self.entries) == 1 else None
        changes.close(self.entries, left, batch=single, created=self._created)
        return left


def _together(left: Iterable[Left], nodes: dict[str, tuple[str, ...]]) -> list[Left]:
    """Join what is left for every node of a backend alike, so that it is one row."""
    groups: dict[tuple[object, ...], list[Left]] = {}
    for each in dict.fromkeys(left):
        key = (each.batch, each.alias, each.step, each.dead, each.error, each.attempts)
        groups.setdefault(key, []).append(each)
    joined = []
    for (_, alias, *_), group in groups.items():
        if {each.node for each in group} >= set(nodes.get(str(alias), [object()])):
            first = max(group, key=lambda each: each.seconds)
            joined.append(replace(first, node=EVERYWHERE))
        else:
            joined += group
    return joined
