"""The databases of the site: the outbox's table, and how SQLite takes its lock."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router
from django.db.migrations.recorder import MigrationRecorder

from dumper_purge import backends, conf
from dumper_purge.checks.messages import warning
from dumper_purge.databases import begins_at_once
from dumper_purge.deliver.outbox.databases import has_table, is_replica

__all__ = ["check_outbox", "check_sqlite"]

_SQLITE = "django.db.backends.sqlite3"


@register(Tags.database)
def check_outbox(*, databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the outbox's table was migrated on these databases."""
    if conf.problems() or not (conf.current().enabled and conf.current().outbox):
        return []
    return [
        warning(
            14,
            f"Database {using!r} has no table of dumper_purge: purges for what is saved there are"
            " lost if the process dies before they are delivered.",
            f"Run 'manage.py migrate --database {using}', or set DUMPER_OUTBOX = False.",
        )
        for using in databases or ()
        if _is_in_use(using) and not has_table(using)
    ]


def _is_in_use(using: str) -> bool:
    """Tell whether a database was migrated before, and may have the table."""
    connection = connections[using]
    may_have = router.allow_migrate(using, "dumper_purge", model_name="outboxentry")
    was_migrated = MigrationRecorder(connection).has_table()
    return may_have and was_migrated and not is_replica(using)


@register("dumper_purge")
def check_sqlite(**kwargs: Any) -> list[CheckMessage]:
    """Check that transactions on SQLite wait for the process's own second purges."""
    if conf.problems() or backends.problems() or not conf.current().outbox:
        return []
    if all(backend.instant for backend in backends.configured()):
        return []
    return [
        warning(
            17,
            f"A transaction on {alias!r} that reads before it writes fails ('database is locked')"
            " where a purge is noted in the outbox meanwhile.",
            f"Set DATABASES[{alias!r}]['OPTIONS'] = {{'transaction_mode': 'IMMEDIATE'}}: it waits.",
        )
        for alias, database in settings.DATABASES.items()
        if database.get("ENGINE") == _SQLITE and not begins_at_once(database)
    ]
