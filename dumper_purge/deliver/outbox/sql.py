"""The pieces of SQL that differ between databases, their clocks, and parameters in lists."""

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import connections

__all__ = ["chunks", "clock", "marks", "now", "table_name"]

_IDS_AT_ONCE = 500
_NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::float8",
    # Of UNIX_TIMESTAMP(NOW(6)) an hour is told twice when summer time ends.
    "mysql": "(UNIX_TIMESTAMP() + MICROSECOND(NOW(6)) / 1000000)",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


def now(using: str) -> str:
    """Return the SQL for the seconds since 1970 on the database's clock."""
    return _NOW.get(connections[using].vendor) or repr(time.time())


def clock(using: str) -> float:
    """Return the seconds since 1970 on the database's clock."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {now(using)}")
        return float(cursor.fetchone()[0])


def table_name(using: str) -> str:
    """Return the quoted name of the outbox's table in a database."""
    return _quoted(using, connections[using].vendor)


@lru_cache(maxsize=64)
def _quoted(using: str, vendor: str) -> str:
    """Return the name of the table as the database of this vendor wants it."""
    model = apps.get_model("dumper_purge", "OutboxEntry")
    return connections[using].ops.quote_name(model._meta.db_table)


def marks(values: Sequence[Any]) -> str:
    """Return a placeholder for each value."""
    return ", ".join(["%s"] * len(values))


def chunks(using: str, ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield so many ids at once as one statement may name.

    MySQL reads a small table from end to end for several, and locks what others have written.
    """
    iterator = iter(ids)
    most = 1 if connections[using].vendor == "mysql" else _IDS_AT_ONCE
    while some := list(islice(iterator, most)):
        yield some
