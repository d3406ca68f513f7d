"""Which databases have an outbox; looked up once per process, and again where there is none."""

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.apps import apps
from django.core import mail
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.deliver.outbox import table
from dumper_purge.deliver.outbox.engines import WORKER

__all__ = [
    "all_outboxes", "bears_others", "enter", "forget", "has_outbox", "has_table", "is_replica",
    "is_test", "known_outboxes",
]  # fmt: skip

logger = logging.getLogger("dumper.deliver")

_LOOK_AGAIN = 60.0
_BEYOND_BUDGET = 4.0
"""Seconds beyond the inline budget, within which a process delivers what it has committed."""

_IN_ERROR = 3
"""The libpq's PQTRANS_INERROR."""
_MYSQL_ENDS = frozenset({1205, 1213, 2006, 2013})
"""A lock that was waited for too long, a deadlock, and a connection that is gone."""
_IS_REPLICA = {
    "postgresql": "SELECT pg_is_in_recovery()",
    "mysql": "SELECT @@GLOBAL.read_only",
}

_IS_MISSING = ("no such table", "does not exist", "doesn't exist")
_IS_FORBIDDEN = ("permission denied", "command denied", "readonly", "read-only")

_found: set[str] = set()
_without: dict[str, float] = {}
"""Until when a database is known to have none."""
_complained: dict[str, float] = {}
_proven: set[str] = set()


def forget() -> None:
    """Look everything up again."""
    _found.clear()
    _without.clear()
    _complained.clear()
    _proven.clear()


def has_outbox(using: str) -> bool:
    """Tell whether writes to this database are entered in an outbox; never raises."""
    if not _is_on():
        return False
    if using not in _found:
        _look_up(using)
        if using in _without and time.monotonic() >= _complained.get(using, 0.0):
            _complain(using, f"Database {using!r} has no table {_table_name()!r}.", _migrate(using))
    return using in _found


def all_outboxes() -> list[str]:
    """Return the aliases of all databases that have one, the default one first; never raises.

    It asks every database that it does not know, and waits for one that does not answer: not in
    the thread of a request.
    """
    if not _is_on():
        return []
    for using in connections:
        if using not in _found:
            _look_up(using)
    return known_outboxes()


def known_outboxes() -> list[str]:
    """Return those of which it is known that they have one, without asking."""
    aliases = sorted(connections, key=lambda alias: (alias != DEFAULT_DB_ALIAS, alias))
    return [using for using in aliases if using in _found and _is_on()]


def _is_on() -> bool:
    conf = current()
    return conf.enabled and conf.outbox


def _look_up(using: str) -> None:
    if time.monotonic() < _without.get(using, 0.0):
        return
    connection = connections[using]
    in_savepoint = connection.in_atomic_block or not connection.autocommit
    try:
        # What fails here must not break what the user's transaction has written.
        with transaction.atomic(using=using) if in_savepoint else nullcontext():
            found = has_table(using)
    except Exception as error:
        logger.warning("Whether %r has an outbox cannot be looked up: %r", using, error)
        found = False
    if found:
        _found.add(using)
        _without.pop(using, None)
    else:
        _without[using] = time.monotonic() + _LOOK_AGAIN


def has_table(using: str) -> bool:
    """Tell whether the outbox's table was migrated to a database that can be written.

    A replica has it, too, and what is in it belongs to the primary. Raises what the database
    raises.
    """
    connection = connections[using]
    if connection.vendor == "unknown" or is_replica(using):
        return False
    with connection.cursor() as cursor:
        return _table_name() in connection.introspection.table_names(cursor)


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


def is_test() -> bool:
    """Tell whether Django's test environment is set up: there, nothing is written a little later.

    A test may count rows, pytest-django lets nobody use a database between two tests, and a
    thread that does so all the same keeps it from being dropped.
    """
    return hasattr(mail, "outbox")


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


def enter(batch: PurgeBatch, using: str, *, along: Sequence[str] = ()) -> EntryRef | None:
    """Write the entry of a batch in the current transaction; None where that is not possible.

    With it the entries with the ids ``along`` are deleted. Raises a database error that has broken
    the transaction: then nothing can be saved in it.
    """
    if not has_outbox(using):
        return None
    lease = 0.0 if current().engine == WORKER else current().inline_budget + _BEYOND_BUDGET
    try:
        if using in _proven:
            return table.write(batch, using, lease=lease, along=along)
        # The first one in a savepoint: a right that is missing must not break what is saved.
        with transaction.atomic(using=using):
            entry = table.write(batch, using, lease=lease, along=along)
        _proven.add(using)
        return entry
    except Exception as error:
        _distrust(
            using, f"An entry for {batch} could not be written: {error!r}.", _remedy(using, error)
        )
        if isinstance(error, Error) and _is_broken(using, error):
            raise
        return None


def _distrust(using: str, what: str, remedy: str) -> None:
    _proven.discard(using)
    _found.discard(using)
    _without[using] = time.monotonic() + _LOOK_AGAIN
    _complain(using, what, remedy)


def _is_broken(using: str, error: Error) -> bool:
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


def _complain(using: str, what: str, remedy: str) -> None:
    _complained[using] = time.monotonic() + _LOOK_AGAIN
    logger.error(
        "%s Purges for it are lost if this process dies before they are delivered. %s, or set"
        " DUMPER_OUTBOX to False.",
        what, remedy,
    )  # fmt: skip


def _remedy(using: str, error: Exception) -> str:
    """Return what helps against an error, which only its text tells apart in every driver."""
    text = str(error).lower()
    if any(sign in text for sign in _IS_MISSING):
        return _migrate(using)
    if any(sign in text for sign in _IS_FORBIDDEN):
        return f"Let its user read, insert, update and delete in {_table_name()!r}"
    return f"It is tried again in {_LOOK_AGAIN:.0f} seconds: see to the database"


def _migrate(using: str) -> str:
    return f"Run 'manage.py migrate --database {using}'"


def _table_name() -> str:
    return apps.get_model("dumper_purge", "OutboxEntry")._meta.db_table
