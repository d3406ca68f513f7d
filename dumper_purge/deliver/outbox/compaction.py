"""The bound of the table: many rows with one target become one, for everything there."""

from django.db import connections, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.outbox import table
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.outbox.sql import now, table_name

__all__ = ["compact"]


def compact(using: str, *, limit: int) -> list[Left]:
    """Put one row for everything in the place of more than ``limit`` that have the same target.

    Returns what was put. Raises what the database raises.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT alias, node, state, MIN(created), MAX(error), COUNT(*)"
            f" FROM {table_name(using)} WHERE {_in_nobody_s_hands(using)}"
            " GROUP BY alias, node, state HAVING COUNT(*) > %s",
            [limit],
        )
        found = cursor.fetchall()
    put = []
    for alias, node, state, created, error, _ in found:
        left = Left(
            batch=PurgeBatch(everything=True),
            alias=alias,
            node=node,
            error=error,
            dead=state == "dead",
        )
        _put_for_all(using, left, created)
        put.append(left)
    return put


def _put_for_all(using: str, left: Left, created: float) -> None:
    """Replace all rows of a target. What is purged later than they were covers them all."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table_name(using)} WHERE alias = %s AND node = %s AND state = %s"
            f" AND {_in_nobody_s_hands(using)}",
            [left.alias, left.node, left.state],
        )
        table.insert(cursor, using, [(left, created)])


def _in_nobody_s_hands(using: str) -> str:
    """Return the condition for what no process is about to close, in whosever transaction."""
    return f"(alias <> '' OR due <= {now(using)})"
