"""Whether this thread's database connections may show what nobody else can see yet."""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["any_open"]


def any_open() -> bool:
    """Tell whether a connection is in an atomic block, TestCase's own aside, or in manual mode.

    What is rendered from an uncommitted transaction may never have existed.
    """
    return any(map(_is_open, connections.all(initialized_only=True)))


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    if connection.in_atomic_block:
        blocks: list[Any] = connection.atomic_blocks
        return not blocks or not all(block._from_testcase for block in blocks)
    return connection.connection is not None and not connection.autocommit
