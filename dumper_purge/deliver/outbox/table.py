"""The rows of the outbox: written with the data, closed, or put in the place of others.

An entry stands for a batch that is still to be purged, everywhere or at its target. Whoever takes
one up either deletes it when all of that was carried out, or puts rows for what is left in its
place, in one transaction. What is left is enough by itself, whatever others did meanwhile, so that
two who took up the same entry, because a lease ran out, purge too much and never too little.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.db import connections, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.outbox.encoding import fitting, storable
from dumper_purge.deliver.outbox.rows import Left, by_database, new_id
from dumper_purge.deliver.outbox.sql import chunks, marks, now, table_name

__all__ = ["change", "close", "delete", "insert", "write"]

_LIGHTLY = "SET LOCAL synchronous_commit TO OFF"
"""Whatever closes an entry does not wait for the disk: lost in a crash, it costs a purge more."""
_READS_COMMITTED = "current_setting('transaction_isolation') = 'read committed'"
"""Where a transaction is to see nothing that others do, its own DELETE would make it fail."""
_NOTHING = PurgeBatch()


def write(batch: PurgeBatch, using: str, *, lease: float, along: Sequence[str] = ()) -> EntryRef:
    """Insert an entry for all backends; nobody else takes it up for ``lease`` seconds.

    The entries with the ids ``along`` are deleted with it. Raises what the database raises.
    """
    ref = EntryRef(using, new_id())
    connection = connections[using]
    values: list[Any] = [ref.id, fitting(batch), lease]
    if not along:
        with connection.cursor() as cursor:
            cursor.execute(_insertion(using), values)
    elif connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH gone AS ({_deletion(using, len(along))} AND {_READS_COMMITTED})"
                f" {_insertion(using)}",
                [*along, *values],
            )
    else:
        # Both or neither, also where nobody has begun a transaction.
        begun = connection.in_atomic_block or not connection.autocommit
        whole = nullcontext() if begun else transaction.atomic(using=using)
        with whole, connection.cursor() as cursor:
            cursor.execute(_insertion(using), values)
            for some in chunks(using, along):
                cursor.execute(_deletion(using, len(some)), some)
    return ref


def _insertion(using: str) -> str:
    return _insertion_for(using, connections[using].vendor, now(using))


@lru_cache(maxsize=64)
def _insertion_for(using: str, vendor: str, present: str) -> str:
    return (
        f"INSERT INTO {table_name(using)} (id, batch, alias, node, step, attempts, due, created,"
        f" state, error) VALUES (%s, %s, '', '', 'send', 0, {present} + %s, {present},"
        " 'pending', '')"
    )


def _deletion(using: str, count: int) -> str:
    which = "= %s" if count == 1 else f"IN ({', '.join(['%s'] * count)})"
    return f"DELETE FROM {table_name(using)} WHERE id {which}"


def change(
    using: str,
    retargeted: Sequence[tuple[str, Left]],
    added: Sequence[tuple[Left, float | None]],
    deleted: Sequence[str],
) -> None:
    """Write what is left of entries, and delete those that it takes the place of.

    ``retargeted`` are ids of entries that become what is left of them; the age of what is added
    goes back to a moment, if one is given. Raises what the database raises.

    An entry that stands for what is left goes later, and so does the disk's record of that.
    """
    if not (retargeted or added):
        delete(using, deleted)
        return
    lightly = _may_be_lost(using)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        if lightly:
            cursor.execute(_LIGHTLY)
        insert(cursor, using, added)
        for left, ids in _alike(retargeted):
            for some in chunks(using, ids):
                _retarget(cursor, using, some, left)
        for statement in _deletions(using, deleted):
            cursor.execute(statement)


def _alike(retargeted: Iterable[tuple[str, Left]]) -> Iterator[tuple[Left, list[str]]]:
    """Yield together what differs in the batch only, or in when it is due: the last one counts."""
    found: dict[Left, tuple[float, list[str]]] = {}
    for each, left in retargeted:
        key = replace(left, batch=_NOTHING, seconds=0.0)
        seconds, ids = found.get(key, (0.0, []))
        found[key] = (max(seconds, left.seconds), [*ids, each])
    for left, (seconds, ids) in found.items():
        yield replace(left, seconds=seconds), ids


def close(refs: Iterable[EntryRef]) -> None:
    """Delete entries, of any databases; raises what a database raises."""
    for using, ids in by_database(refs).items():
        delete(using, ids)


def _may_be_lost(using: str) -> bool:
    """Tell whether a transaction of our own begins, that need not wait for PostgreSQL's disk."""
    connection = connections[using]
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def delete(using: str, ids: Sequence[str]) -> None:
    """Delete entries that were carried out; raises what the database raises."""
    lightly = _may_be_lost(using)
    statements = list(_deletions(using, ids))
    # Without parameters two statements go to PostgreSQL at once, if the client puts them together.
    both = lightly and not connections[using].settings_dict["OPTIONS"].get("server_side_binding")
    together = transaction.atomic(using=using) if len(statements) > 1 else nullcontext()
    with together, connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(f"{_LIGHTLY}; {statement}" if both else statement)


def insert(cursor: Any, using: str, added: Iterable[tuple[Left, float | None]]) -> None:
    """Write what is left, each with the moment of which its age counts, if not from now."""
    present = now(using)
    statement = (
        f"INSERT INTO {table_name(using)} (id, batch, alias, node, step, attempts, due, created,"
        f" state, error) VALUES (%s, %s, %s, %s, %s, %s, {present} + %s,"
        f" COALESCE(%s, {present}), %s, %s)"
    )
    cursor.executemany(
        statement,
        [
            [
                new_id(), fitting(each.batch), each.alias, each.node, each.step.value,
                each.attempts, each.seconds, created, each.state, storable(each.error),
            ]
            for each, created in added
        ],
    )  # fmt: skip


def _retarget(cursor: Any, using: str, ids: Sequence[str], left: Left) -> None:
    cursor.execute(
        f"UPDATE {table_name(using)} SET alias = %s, node = %s, step = %s, attempts = %s,"
        f" state = %s, error = %s, due = {now(using)} + %s WHERE id IN ({marks(ids)})",
        [
            left.alias, left.node, left.step.value, left.attempts, left.state,
            storable(left.error), left.seconds, *ids,
        ],
    )  # fmt: skip


def _deletions(using: str, ids: Sequence[str]) -> Iterator[str]:
    for some in chunks(using, ids):
        yield f"DELETE FROM {table_name(using)} WHERE id IN ({', '.join(map(repr, some))})"
