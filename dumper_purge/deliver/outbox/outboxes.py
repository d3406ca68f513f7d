"""Which databases have an outbox; looked up once per process, and again where there is none."""

import logging
import time
from contextlib import nullcontext

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from dumper_purge.conf import current
from dumper_purge.deliver.outbox import databases
from dumper_purge.exceptions import described

__all__ = [
    "all_outboxes", "distrust", "doubt", "forget", "has_outbox", "is_proven", "known_outboxes",
    "lets_ride", "look_up", "migration", "prove", "unknown_databases",
]  # fmt: skip

logger = logging.getLogger("dumper.deliver")

_SEE_TO_IT = "It is tried again at the next write: see to the database"
_LOOK_AGAIN = 60.0
"""Seconds for which a database without an outbox is left alone."""

_found: set[str] = set()
_without: dict[str, float] = {}
"""Until when a database is known to have none."""
_complained: dict[str, float] = {}
_proven: dict[str, bool] = {}
"""Those in which an entry was written; whether a DELETE may ride along there."""
_unasked: set[str] = set()
"""Those that could not be asked."""


def forget() -> None:
    """Look everything up again."""
    _found.clear()
    _without.clear()
    _complained.clear()
    _proven.clear()
    _unasked.clear()


def has_outbox(using: str) -> bool:
    """Tell whether writes to this database are entered in an outbox; never raises."""
    if not _is_on():
        return False
    if using not in _found:
        if using in _unasked:
            # It is about to be written to, so it can be asked again.
            _without.pop(using, None)
        look_up(using)
        if using in _without and time.monotonic() >= _complained.get(using, 0.0):
            _complain(using, *_reason(using))
    return using in _found


def _reason(using: str) -> tuple[str, str]:
    if using in _unasked:
        return f"Whether {using!r} has an outbox could not be looked up.", _SEE_TO_IT
    return f"Database {using!r} has no table {databases.table_label()!r}.", migration(using)


def all_outboxes() -> list[str]:
    """Return the aliases of all databases that have one, the default one first; never raises.

    It asks every database that it does not know, and waits for one that does not answer: not in
    the thread of a request.
    """
    if not _is_on():
        return []
    for using in unknown_databases():
        look_up(using)
    return known_outboxes()


def unknown_databases() -> list[str]:
    """Return those of which it is not known that they have one."""
    return [using for using in connections if using not in _found and _is_on()]


def known_outboxes() -> list[str]:
    """Return those of which it is known that they have one, without asking."""
    aliases = sorted(connections, key=lambda alias: (alias != DEFAULT_DB_ALIAS, alias))
    return [using for using in aliases if using in _found and _is_on()]


def _is_on() -> bool:
    conf = current()
    return conf.enabled and conf.outbox


def look_up(using: str) -> None:
    """Find out whether a database has one, unless that was done lately; never raises."""
    if time.monotonic() < _without.get(using, 0.0):
        return
    connection = connections[using]
    in_savepoint = connection.in_atomic_block or not connection.autocommit
    try:
        # What fails here must not break what the user's transaction has written.
        with transaction.atomic(using=using) if in_savepoint else nullcontext():
            found = databases.has_table(using)
    except Exception as error:
        message = "Whether %r has an outbox cannot be looked up: %s"
        logger.warning(message, using, described(error))
        found = False
        _unasked.add(using)
    else:
        _unasked.discard(using)
    if found:
        _found.add(using)
        _without.pop(using, None)
    else:
        _without[using] = time.monotonic() + _LOOK_AGAIN


def is_proven(using: str) -> bool:
    """Tell whether an entry could be written to a database, since it was last distrusted."""
    return using in _proven


def prove(using: str, *, rides: bool) -> None:
    """Note that an entry could be written, and whether a DELETE may ride along with others."""
    _proven[using] = rides


def lets_ride(using: str) -> bool:
    """Tell whether an INSERT of ours may delete other rows in a transaction of the site's."""
    return _proven.get(using, False)


def doubt(using: str, what: str) -> None:
    """Say that something has happened that may never happen again.

    The next entry is written in a savepoint, which bears it.
    """
    _proven.pop(using, None)
    _complain(using, what, _SEE_TO_IT)


def distrust(using: str, what: str, remedy: str) -> None:
    """Do without the outbox of a database for a while, and say what has happened."""
    _proven.pop(using, None)
    _found.discard(using)
    _without[using] = time.monotonic() + _LOOK_AGAIN
    _complain(using, what, remedy)


def _complain(using: str, what: str, remedy: str) -> None:
    _complained[using] = time.monotonic() + _LOOK_AGAIN
    logger.error(
        "%s Purges for it are lost if this process dies before they are delivered. %s, or set"
        " DUMPER_OUTBOX to False.",
        what, remedy,
    )  # fmt: skip


def migration(using: str) -> str:
    """Return the remedy where the table is missing."""
    return f"Run 'manage.py migrate --database {using}'"
