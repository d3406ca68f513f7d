"""One batch for each open transaction of a connection, sent when it commits.

Right before the commit it is entered in the outbox, in the same transaction: neither is there
without the other, and what a savepoint has rolled back is in neither. Django has no hook for that,
so ``BaseDatabaseWrapper.commit`` is watched; whatever ends in a commit passes there.

The batch hangs on ``connection.run_on_commit`` alone, which Django empties when the transaction
is rolled back. Its hook names no savepoint, so that no savepoint takes it away; it stands before
all others, so that no hook of the user's loses or delays it. What is collected inside a savepoint
has a marker there, which Django drops with the savepoint.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import ReferenceType, ref

from django.db import DatabaseError, connections, transaction

from dumper_purge import environment
from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.forwarding import forward, forward_transaction
from dumper_purge.collect.outlet import outlet
from dumper_purge.collect.segment import Segment
from dumper_purge.conf import current

__all__ = [
    "TransactionBatch", "is_manual", "purge_at_commit", "segment", "waits_in_testcase",
    "watch_commit", "watch_rollback",
]  # fmt: skip

logger = logging.getLogger("dumper.collect")

_ATTRIBUTE = "_dumper_purge_batch"
_BY_HAND = "_dumper_purge_by_hand"


def is_manual(connection: Any) -> bool:
    """Tell whether the user commits by hand, so that Django cannot say when."""
    if connection.in_atomic_block:
        return not (connection.commit_on_exit or _testcase_blocks(connection))
    return connection.connection is not None and not connection.autocommit


def segment(connection: Any) -> Segment:
    """Return where changes go that stand or fall with the current savepoint of a transaction."""
    batch = getattr(connection, _ATTRIBUTE, None)
    begun = _beginning(connection)
    if batch is None or not batch.is_pending(connection, begun):
        batch = TransactionBatch(begun)
        batch.hang_on(connection)
        setattr(connection, _ATTRIBUTE, batch)
    return batch.segment(connection)


def watch_commit(commit: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return ``BaseDatabaseWrapper.commit`` with the entry of its transaction written first."""

    @wraps(commit)
    def watched(self: Any) -> None:
        batch = getattr(self, _ATTRIBUTE, None)
        if batch is not None and batch.is_pending(self, None):
            try:
                batch.write(self.alias)
            except DatabaseError:
                raise
            except Exception:
                logger.exception("What is to be purged could not be entered in the outbox.")
            except BaseException:
                # Django rolls back for a database error only; the transaction would stay open.
                self.rollback()
                raise
        by_hand = None if self.in_atomic_block else self.__dict__.pop(_BY_HAND, None)
        if by_hand:
            outlet().write(by_hand.build(), self.alias)
        commit(self)
        if by_hand:
            # Its entry stays for a sweep: a DELETE here would begin the user's next transaction.
            forward(by_hand.build())

    return watched


def watch_rollback(rollback: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return ``BaseDatabaseWrapper.rollback`` after which nothing waits for a commit by hand."""

    @wraps(rollback)
    def watched(self: Any) -> None:
        rollback(self)
        if not self.in_atomic_block:
            self.__dict__.pop(_BY_HAND, None)

    return watched


def purge_at_commit(connection: Any, batch: PurgeBatch) -> None:
    """Purge when the user has committed by hand."""
    by_hand = connection.__dict__.setdefault(_BY_HAND, BatchBuilder())
    by_hand.merge(batch)
    by_hand.bound(current().batch_limit)


def waits_in_testcase() -> bool:
    """Tell whether something waits for a commit that Django's TestCase will never make."""
    return environment.is_test() and any(
        _is_unsent(hook)
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block and _testcase_blocks(connection)
        for hook in connection.run_on_commit
    )


def _is_unsent(hook: tuple[Any, ...]) -> bool:
    batch = getattr(hook[1], "__self__", None)
    return isinstance(batch, TransactionBatch) and not batch.is_sent


def _testcase_blocks(connection: Any) -> int:
    """Return how many of the outermost atomic blocks are those of Django's TestCase."""
    count = 0
    for block in connection.atomic_blocks:
        if not block._from_testcase:
            break
        count += 1
    return count


def _beginning(connection: Any) -> tuple[Any, ...] | None:
    """Return what identifies the transaction that a test plays inside TestCase's own.

    None for a real transaction, which its hook alone identifies, an empty tuple for autocommit.
    """
    count = _testcase_blocks(connection)
    if not count:
        return None
    if len(connection.atomic_blocks) == count:
        return ()
    return (connection.atomic_blocks[count], connection.savepoint_ids[count - 1])


class _Marker:
    """Hangs on a savepoint and does nothing: it is gone when the savepoint was rolled back."""

    __slots__ = ("__weakref__",)

    def __call__(self) -> None:
        """Let Django call it after the commit."""


class TransactionBatch:
    """What one transaction has changed so far, by savepoint."""

    def __init__(self, begun: tuple[Any, ...] | None) -> None:
        self.is_sent = False
        """Whether it was purged."""
        self._begun = begun
        self._depth = self._position = 0
        self._root = Segment()
        self._inner: dict[tuple[str, ...], tuple[ReferenceType[_Marker], Segment]] = {}

    def hang_on(self, connection: Any) -> None:
        """Register to be sent at the commit.

        In a TestCase the hook is the last, where ``captureOnCommitCallbacks()`` finds it, and
        names the savepoints that stand for the transaction and those around it.
        """
        hooks = connection.run_on_commit
        self._depth = _testcase_blocks(connection)
        self._position = len(hooks) if self._depth else 0
        outer = set(connection.savepoint_ids[: self._depth])
        hooks.insert(self._position, (outer, self.send, True))

    def is_pending(self, connection: Any, begun: tuple[Any, ...] | None) -> bool:
        """Tell whether this is still the batch of the connection's transaction."""
        if self.is_sent or self._begun != begun or begun == ():
            return False
        hooks = connection.run_on_commit
        if self._position < len(hooks) and self._is_own(hooks[self._position]):
            return True
        positions = [i for i, hook in enumerate(hooks) if self._is_own(hook)]
        self._position = positions[0] if positions else 0
        return bool(positions)

    def _is_own(self, hook: tuple[Any, ...]) -> bool:
        return getattr(hook[1], "__self__", None) is self

    def segment(self, connection: Any) -> Segment:
        """Return the segment of the current savepoint."""
        savepoints = tuple(filter(None, connection.savepoint_ids[self._depth :]))
        if not savepoints:
            return self._root
        known = self._inner.get(savepoints)
        if known is not None and known[0]() is not None:
            return known[1]
        marker = _Marker()
        transaction.on_commit(marker, using=connection.alias, robust=True)
        found = Segment()
        self._inner[savepoints] = (ref(marker), found)
        return found

    def write(self, using: str) -> None:
        """Enter in the outbox what is about to be committed; not what a block may drop."""
        block = current_block()
        if block is not None and block.may_drop:
            return
        batch = self._standing(using).batch.build()
        entry = outlet().write(batch, using) if batch else None
        if entry is not None:
            self._root.entries.append(entry)

    def send(self) -> None:
        """Purge what the transaction has committed, without what was rolled back inside."""
        self.is_sent = True
        root, self._root = self._standing(None), Segment()
        forward_transaction(root.batch.build(), root.entries)

    def _standing(self, using: str | None) -> Segment:
        """Return what was not rolled back; with ``using``, inside the transaction of it."""
        while self._inner:
            _, (marker, inner) = self._inner.popitem()
            if marker() is not None:
                self._root.merge(inner)
        if self._root.rows and using is not None:
            self._resolve_apart(using)
        self._root.resolved()
        return self._root

    def _resolve_apart(self, using: str) -> None:
        """Read rows in a savepoint, which bears the database error of a dependents function."""
        try:
            with transaction.atomic(using=using):
                self._root.resolved()
        except DatabaseError:
            logger.exception("Dependents could not be read; what they are is purged broadly.")
