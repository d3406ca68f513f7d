"""How many entries an outbox holds, and for whom."""

from typing import NamedTuple

from django.db import connections

from dumper_purge.deliver.outbox.sql import now, table_name

__all__ = ["Count", "counts"]


class Count(NamedTuple):
    """The entries of one state for one target; ``age`` is that of the oldest, in seconds."""

    alias: str
    node: str
    state: str
    number: int
    age: float
    error: str


def counts(using: str) -> list[Count]:
    """Return how many entries there are; raise what the database raises."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT alias, node, state, COUNT(*), {now(using)} - MIN(created),"
            " MAX(error)"
            f" FROM {table_name(using)} GROUP BY alias, node, state"
        )
        return [
            Count(alias, node, state, int(number), max(float(age), 0.0), error)
            for alias, node, state, number, age, error in cursor.fetchall()
        ]
