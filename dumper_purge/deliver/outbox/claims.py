"""What is due: taken up so that nobody else does meanwhile, and made due before its time."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, transaction

from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.outbox.rows import Row, by_database
from dumper_purge.deliver.outbox.sql import chunks, marks, now, table_name

__all__ = ["claim", "hasten", "next_due", "replay"]


def claim(using: str, *, limit: int, lease: float, ids: Sequence[str] | None = None) -> list[Row]:
    """Take up entries that are due, or those with these ids, so that nobody else does for a while.

    Raises what the database raises.
    """
    connection = connections[using]
    table, condition, values = table_name(using), f"due <= {now(using)}", []
    if ids is not None:
        condition, values = f"id IN ({marks(ids)})", list(ids)
    lock = _lock(connection)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if not lock:
            # SQLite has one lock, for writers: take it before anything is read.
            cursor.execute(f"UPDATE {table} SET due = due WHERE id = ''")
        cursor.execute(
            f"SELECT id, batch, alias, node, step, attempts, created FROM {table}"
            f" WHERE state = 'pending' AND {condition} ORDER BY due LIMIT {int(limit)}{lock}",
            values,
        )
        rows = [_row(using, *columns) for columns in cursor.fetchall()]
        for some in chunks(using, [row.ref.id for row in rows]):
            cursor.execute(
                f"UPDATE {table} SET due = {now(using)} + %s WHERE id IN ({marks(some)})",
                [lease, *some],
            )
    return sorted(rows, key=lambda row: row.ref.id)


def _row(using: str, key: str, *columns: Any) -> Row:
    names = ("batch", "alias", "node", "step", "attempts", "created")
    return Row(ref=EntryRef(using, key), **dict(zip(names, columns, strict=True)))


def _lock(connection: Any) -> str:
    if not connection.features.has_select_for_update:
        return ""
    skips = connection.features.has_select_for_update_skip_locked
    return " FOR UPDATE SKIP LOCKED" if skips else " FOR UPDATE"


def next_due(using: str) -> float | None:
    """Return in how many seconds the next entry is due; None if there is none."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(due) - {now(using)} FROM {table_name(using)} WHERE state = 'pending'"
        )
        seconds = cursor.fetchone()[0]
    return None if seconds is None else float(seconds)


def hasten(using: str, alias: str, node: str) -> None:
    """Let what a node is owed be due now."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table_name(using)} SET due = {now(using)} WHERE state = 'pending'"
            f" AND step = 'send' AND alias = %s AND node IN (%s, '') AND due > {now(using)}",
            [alias, node],
        )


def replay(refs: Iterable[EntryRef]) -> None:
    """Let dead letters be due now."""
    for using, ids in by_database(refs).items():
        with connections[using].cursor() as cursor:
            for some in chunks(using, ids):
                cursor.execute(
                    f"UPDATE {table_name(using)} SET state = 'pending', attempts = 0,"
                    f" due = {now(using)} WHERE state = 'dead' AND id IN ({marks(some)})",
                    some,
                )
