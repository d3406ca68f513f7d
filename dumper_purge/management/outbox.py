"""What every action on the outbox begins with."""

from django.core.management.base import CommandError
from django.db import Error, connections

from dumper_purge.conf import current
from dumper_purge.deliver.outbox import databases, outboxes

__all__ = ["required"]


def required() -> list[str]:
    """Return the databases that have an outbox; raise CommandError that says why none has."""
    if not current().enabled or not current().outbox:
        raise CommandError("There is no outbox: set DUMPER_ENABLED and DUMPER_OUTBOX to True.")
    found = outboxes.all_outboxes()
    if not found:
        _ask()
        raise CommandError("No database has the outbox's table: run 'manage.py migrate' first.")
    return found


def _ask() -> None:
    for using in connections:
        try:
            databases.has_table(using)
        except Error as error:
            raise CommandError(f"Database {using!r} cannot be asked: {error}") from error
