"""An entry's way into the outbox, in the transaction of the data that it is for."""

from collections.abc import Sequence

from django.db import Error, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.databases import is_broken, reads_committed
from dumper_purge.deliver.outbox import outboxes, table
from dumper_purge.deliver.outbox.databases import table_label
from dumper_purge.deliver.outbox.engines import WORKER
from dumper_purge.exceptions import described

__all__ = ["enter"]

_BEYOND_BUDGET = 4.0
"""Seconds beyond the inline budget, within which a process delivers what it has committed."""
_IS_MISSING = ("no such table", "does not exist", "doesn't exist")
_IS_FORBIDDEN = ("permission denied", "command denied", "readonly", "read-only")


def enter(batch: PurgeBatch, using: str, *, along: Sequence[str] = ()) -> EntryRef | None:
    """Write the entry of a batch in the current transaction; None where that is not possible.

    With it the entries with the ids ``along`` are deleted. Raises a database error that has broken
    the transaction: then nothing can be saved in it.
    """
    if not outboxes.has_outbox(using):
        return None
    lease = 0.0 if current().engine == WORKER else current().inline_budget + _BEYOND_BUDGET
    try:
        if outboxes.is_proven(using):
            return table.write(batch, using, lease=lease, along=along)
        # The first one in a savepoint: a right that is missing must not break what is saved.
        with transaction.atomic(using=using):
            entry = table.write(batch, using, lease=lease, along=along)
            rides = reads_committed(using)
        outboxes.prove(using, rides=rides)
        return entry
    except Exception as error:
        _blame(batch, using, error)
        if isinstance(error, Error) and is_broken(using, error):
            raise
        return None


def _blame(batch: PurgeBatch, using: str, error: Exception) -> None:
    """Say what has happened; do without this outbox for a while if that would happen again.

    Only its text tells an error apart in every driver.
    """
    what = f"An entry for {batch} could not be written: {described(error)}."
    text = str(error).lower()
    if any(sign in text for sign in _IS_MISSING):
        outboxes.distrust(using, what, outboxes.migration(using))
    elif any(sign in text for sign in _IS_FORBIDDEN):
        grant = f"Let its user read, insert, update and delete in {table_label()!r}"
        outboxes.distrust(using, what, grant)
    else:
        outboxes.doubt(using, what)
