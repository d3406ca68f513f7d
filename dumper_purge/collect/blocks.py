"""The ``collecting()`` and ``paused()`` blocks that are open in this thread or task."""

import asyncio
import sys
import threading
from collections import defaultdict
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from django.db import connections

from dumper_purge.collect.segment import Segment

__all__ = ["Block", "current_block"]


class Block:
    """Keeps committed changes until it ends; ``withholds``: uncommitted ones of before, too.

    ``segments`` are kept by the alias of the transaction that is still to be committed, those of
    committed changes under None.
    """

    def __init__(self, *, withholds: bool) -> None:
        self.segments: dict[str | None, Segment] = defaultdict(Segment)
        self._withholds = self._may_drop = withholds
        self._is_open = False

    def open(self) -> None:
        """Begin, in this thread or task and at this point of its transactions."""
        self._parent = current_block()
        if self._parent is not None and self._parent._may_drop:
            self._may_drop = True
        self._task = _current_task()
        self._others = _tasks_beside(self._task)
        self._thread = threading.get_ident()
        self._begun = {
            connection.alias: connection.atomic_blocks[0]
            for connection in connections.all(initialized_only=True)
            if connection.atomic_blocks
        }
        self._is_open = True
        _innermost.set(self)

    def close(self) -> None:
        """End: what changes from now on is not of this block."""
        self._is_open = False
        if _innermost.get() is self:
            _innermost.set(self._parent)

    def withholds(self, connection: Any) -> bool:
        """Tell whether a transaction's changes are kept from it, as it began before this block."""
        if self._withholds:
            return self._begun.get(connection.alias) is connection.atomic_blocks[0]
        return self._parent is not None and self._parent.withholds(connection)

    @property
    def may_drop(self) -> bool:
        """Whether what it keeps may never be purged, so that no entry of the outbox may hold it."""
        return self._may_drop

    def is_here(self) -> bool:
        """Tell whether the block is open, and this its own thread or task.

        The threads in which a task awaits its database calls run no task themselves, and so do
        those of tasks that it has started. While there may be such tasks, changes are not kept
        back, for they may be theirs.
        """
        if not self._is_open:
            return False
        task = _current_task()
        if self._task is None:
            return task is None and threading.get_ident() == self._thread
        if task is None:
            return not (self._may_drop and _has_heirs(self, self._task, self._others))
        return task is self._task

    @property
    def parent(self) -> "Block | None":
        """The block around this one."""
        return self._parent


_innermost: ContextVar[Block | None] = ContextVar("dumper_purge_block", default=None)


def current_block() -> Block | None:
    """Return the innermost block that is open in this thread or task."""
    block = _innermost.get()
    while block is not None and not block.is_here():
        block = block.parent
    return block


def _tasks_beside(task: asyncio.Task[Any] | None) -> WeakSet[asyncio.Task[Any]]:
    """Return the tasks of the same loop that have already begun."""
    return WeakSet() if task is None else WeakSet(asyncio.all_tasks(task.get_loop()) - {task})


def _has_heirs(block: Block, owner: asyncio.Task[Any], others: WeakSet[asyncio.Task[Any]]) -> bool:
    """Tell whether a task may have inherited the block from its owner.

    Before Python 3.12 a task does not show its context: then any that began later may have.
    """
    return any(
        _inherits(task, block)
        for task in asyncio.all_tasks(owner.get_loop())
        if task is not owner and task not in others
    )


def _inherits(task: asyncio.Task[Any], block: Block) -> bool:
    if sys.version_info < (3, 12):
        return True
    held = task.get_context().get(_innermost)
    while held is not None and held is not block:
        held = held.parent
    return held is not None


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
