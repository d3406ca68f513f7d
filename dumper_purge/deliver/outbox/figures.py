"""How many entries an outbox holds, and for whom."""

from django.db import connections

from dumper_purge.deliver.outbox.sql import now, table_name

__all__ = ["counts"]


def counts(using: str) -> list[tuple[str, str, str, int, float]]:
    """Return alias, node, state, the number of entries, and the age of the oldest in seconds."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT alias, node, state, COUNT(*), {now(using)} - MIN(created)"
            f" FROM {table_name(using)} GROUP BY alias, node, state"
        )
        return [
            (alias, node, state, int(number), max(float(age), 0.0))
            for alias, node, state, number, age in cursor.fetchall()
        ]
