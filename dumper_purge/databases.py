"""What databases do to a transaction, each in its own way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import Error, connections

__all__ = [
    "bearing_failures", "bears_others", "begin_writing", "begins_at_once", "is_broken",
    "reads_committed",
]  # fmt: skip

_IN_ERROR = 3
"""The libpq's PQTRANS_INERROR."""
_IMMEDIATE = "IMMEDIATE"
_AT_ONCE = frozenset({_IMMEDIATE, "EXCLUSIVE"})
"""The modes in which SQLite takes its lock when a transaction begins."""
_MYSQL_ENDS = frozenset({1205, 1213, 2006, 2013})
"""A lock that was waited for too long, a deadlock, and a connection that is gone."""


def begins_at_once(database: Mapping[str, Any]) -> bool:
    """Tell whether the settings of an SQLite database let transactions begin with its lock."""
    mode = database.get("OPTIONS", {}).get("transaction_mode") or ""
    return str(mode).upper() in _AT_ONCE


def bears_others(using: str) -> bool:
    """Tell whether another thread may write while a transaction of the site's is open.

    SQLite refuses a write at once where its transaction has read before and somebody else has
    written since; one that begins with a write only waits.
    """
    connection = connections[using]
    return connection.vendor != "sqlite" or begins_at_once(connection.settings_dict)


@contextmanager
def begin_writing(using: str) -> Iterator[None]:
    """Let a transaction that is begun in the block wait for SQLite's lock at once.

    See :func:`bears_others` for what SQLite does to one that reads first.
    """
    connection: Any = connections[using]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    mode = connection.transaction_mode
    connection.transaction_mode = _IMMEDIATE
    try:
        yield
    finally:
        connection.transaction_mode = mode


@contextmanager
def bearing_failures(using: str) -> Iterator[None]:
    """Let a query that fails in the block, be it caught there, not break the transaction.

    The savepoint for that is made at the first query. Elsewhere than on PostgreSQL a statement that
    fails breaks nothing.
    """
    connection: Any = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    savepoints: list[str | None] = []

    def execute(run: Callable[..., Any], *args: Any) -> Any:
        if not savepoints:
            savepoints.append(None)
            savepoints[0] = connection.savepoint()
        return run(*args)

    try:
        with connection.execute_wrapper(execute):
            yield
    finally:
        for savepoint in filter(None, savepoints):
            if _is_in_error(connection.connection):
                connection.savepoint_rollback(savepoint)
            connection.savepoint_commit(savepoint)


def reads_committed(using: str) -> bool:
    """Tell whether the current transaction sees what others commit meanwhile, as it usually does.

    One of another kind fails on PostgreSQL if it deletes a row that somebody else has written to,
    or looked at, since it began. Raises what the database raises.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return bool(cursor.fetchone()[0] == "read committed")


def is_broken(using: str, error: Error) -> bool:
    """Tell whether a failed statement has ended the transaction that it is part of.

    A commit would then say nothing, and keep nothing of what the user has written.
    """
    connection = connections[using]
    if connection.autocommit and not connection.in_atomic_block:
        return False
    raw = connection.connection
    if raw is None or connection.needs_rollback:
        return True
    if connection.vendor == "postgresql":
        return _is_in_error(raw)
    if connection.vendor == "sqlite":
        return not raw.in_transaction
    return bool(error.args) and error.args[0] in _MYSQL_ENDS


def _is_in_error(raw: Any) -> bool:
    return bool(raw.info.transaction_status == _IN_ERROR)
