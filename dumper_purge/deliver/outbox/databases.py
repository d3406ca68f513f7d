"""Which databases can hold the outbox."""

from django.apps import apps
from django.db import connections

__all__ = ["has_table", "is_replica", "table_label"]

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


def table_label() -> str:
    """Return the unquoted name of the table, as messages say it."""
    return apps.get_model("dumper_purge", "OutboxEntry")._meta.db_table
