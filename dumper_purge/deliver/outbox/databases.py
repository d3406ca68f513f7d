"""What a database is, as the outbox has to know it."""

from typing import Any

from django.apps import apps
from django.db import Error, connections

__all__ = ["bears_others", "has_table", "is_broken", "is_replica", "table_label"]

_IN_ERROR = 3
"""The libpq's PQTRANS_INERROR."""
_MYSQL_ENDS = frozenset({1205, 1213, 2006, 2013})
"""A lock that was waited for too long, a deadlock, and a connection that is gone."""
_IS_REPLICA = {
    "postgresql": "SELECT pg_is_in_recovery()",
    "mysql": "SELECT @@GLOBAL.read_only",
}


def has_table(using: str) -> bool:
    """Tell whether the outbox's table was migrated to a database that can be written.

    A replica has it, too, and what is in it belongs to the primary. Raises what the database
    raises.
    """
    connection = connections[using]
    if connection.vendor == "unknown" or is_replica(using):
        return False
    with connection.cursor() as cursor:
        return table_label() in connection.introspection.table_names(cursor)


def is_replica(using: str) -> bool:
    """Tell whether a database is only read; raises what the database raises."""
    connection = connections[using]
    if connection.settings_dict["TEST"]["MIRROR"]:
        return True
    if connection.vendor not in _IS_REPLICA:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_IS_REPLICA[connection.vendor])
        return bool(cursor.fetchone()[0])


def bears_others(using: str) -> bool:
    """Tell whether another thread may write while a transaction of the site's is open.

    SQLite refuses a write at once where its transaction has read before and somebody else has
    written since; one that begins with a write only waits.
    """
    connection: Any = connections[using]
    if connection.vendor != "sqlite":
        return True
    mode = connection.settings_dict["OPTIONS"].get("transaction_mode") or ""
    return mode.upper() in {"IMMEDIATE", "EXCLUSIVE"}


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
        return bool(raw.info.transaction_status == _IN_ERROR)
    if connection.vendor == "sqlite":
        return not raw.in_transaction
    return bool(error.args) and error.args[0] in _MYSQL_ENDS


def table_label() -> str:
    """Return the unquoted name of the table, as messages say it."""
    return apps.get_model("dumper_purge", "OutboxEntry")._meta.db_table
