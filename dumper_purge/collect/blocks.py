"""The ``collecting()`` and ``paused()`` blocks that are open in this thread or task."""

import asyncio
import threading
from collections import defaultdict
from contextvars import ContextVar
from typing import Any

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
        self._withholds = withholds
        self._is_open = False

    def open(self) -> None:
        """Begin, in this thread or task and at this point of its transactions."""
        self._parent = current_block()
        self._task = _current_task()
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

    def is_here(self) -> bool:
        """Tell whether the block is open, and this its own thread or task.

        The threads in which a task awaits its database calls run no task themselves.
        """
        if not self._is_open:
            return False
        task = _current_task()
        if self._task is None:
            return task is None and threading.get_ident() == self._thread
        return task is None or task is self._task

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


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
