"""The outbox's table: entries are written with the data, claimed, and closed.

An entry stands for a batch that is still to be purged, everywhere or at its target. Whoever takes
one up either deletes it when all of that was carried out, or puts rows for what is left in its
place, in one transaction. What is left is enough by itself, whatever others did meanwhile, so that
two who took up the same entry, because a lease ran out, purge too much and never too little.
"""

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import connections, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.step import Step

__all__ = [
    "EVERYWHERE", "Left", "Row", "add", "claim", "clock", "close", "compact", "counts", "decoded",
    "encoded", "hasten", "next_due", "replay", "storable", "write",
]  # fmt: skip

EVERYWHERE = ""
"""The alias of an entry for all backends, and the node of one for all nodes of its backend."""

_VERSION = 1
_LIGHTLY = "SET LOCAL synchronous_commit TO OFF"
"""Whatever closes an entry does not wait for the disk: lost in a crash, it costs a purge more."""
_IDS_AT_ONCE = 500
_LONGEST = 4_000_000
"""Characters above which an entry is for everything: no packet of MySQL's takes 16 MB."""
_NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::float8",
    # Of UNIX_TIMESTAMP(NOW(6)) an hour is told twice when summer time ends.
    "mysql": "(UNIX_TIMESTAMP() + MICROSECOND(NOW(6)) / 1000000)",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is left of a batch, for a backend or one of its nodes, due in so many seconds."""

    batch: PurgeBatch
    alias: str = EVERYWHERE
    node: str = EVERYWHERE
    step: Step = Step.SEND
    seconds: float = 0.0
    attempts: int = 0
    error: str = ""
    dead: bool = False

    @property
    def state(self) -> str:
        """Return the state as it is stored."""
        return "dead" if self.dead else "pending"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claimed entry; ``batch`` and ``step`` are as they were stored."""

    ref: EntryRef
    batch: str
    alias: str
    node: str
    step: str
    attempts: int
    created: float


def write(batch: PurgeBatch, using: str, *, lease: float) -> EntryRef:
    """Insert an entry for all backends; nobody else takes it up for ``lease`` seconds.

    Raises what the database raises.
    """
    ref = EntryRef(using, _new_id())
    present = _now(using)
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_table(using)} (id, batch, alias, node, step, attempts, due, created,"
            f" state, error) VALUES (%s, %s, '', '', 'send', 0, {present} + %s, {present},"
            " 'pending', '')",
            [ref.id, _fitting(batch), lease],
        )
    return ref


def add(using: str, left: Sequence[Left]) -> None:
    """Write what is left of an entry that stays open; raises what the database raises.

    The entry goes later, and so does the disk's record of that: until then it stands for all.
    """
    lightly = _may_be_lost(using)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        if lightly:
            cursor.execute(_LIGHTLY)
        _insert(cursor, using, left, None)


def close(
    refs: Sequence[EntryRef],
    left: Sequence[Left] = (),
    *,
    batch: PurgeBatch | None = None,
    created: float | None = None,
) -> None:
    """Replace entries by what is left of them, if anything is.

    ``batch`` is what a single entry holds, if known, and ``created`` when the oldest of them was
    written. Raises what the database raises.
    """
    for using, ids in _by_database(refs).items():
        if not left:
            _delete_lightly(using, ids)
            continue
        lightly = _may_be_lost(using)
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            if lightly:
                cursor.execute(_LIGHTLY)
            if len(refs) == len(left) == 1 and left[0].batch == batch:
                _retarget(cursor, using, ids[0], left[0])
            else:
                _insert(cursor, using, left, created)
                for statement in _deletions(using, ids):
                    cursor.execute(statement)
        left = ()


def _by_database(refs: Iterable[EntryRef]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ref in refs:
        found.setdefault(ref.using, []).append(ref.id)
    return found


def _may_be_lost(using: str) -> bool:
    """Tell whether a transaction of our own begins, that need not wait for PostgreSQL's disk."""
    connection = connections[using]
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def _delete_lightly(using: str, ids: Sequence[str]) -> None:
    lightly = _may_be_lost(using)
    with connections[using].cursor() as cursor:
        for statement in _deletions(using, ids):
            # Without parameters two statements go to PostgreSQL at once.
            cursor.execute(f"{_LIGHTLY}; {statement}" if lightly else statement)


def claim(using: str, *, limit: int, lease: float, ids: Sequence[str] | None = None) -> list[Row]:
    """Take up entries that are due, or those with these ids, so that nobody else does for a while.

    Raises what the database raises.
    """
    connection = connections[using]
    table, condition, values = _table(using), f"due <= {_now(using)}", []
    if ids is not None:
        condition, values = f"id IN ({_marks(ids)})", list(ids)
    lock = _lock(connection)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if not lock:
            # SQLite has one lock, for writers: take it before anything is read.
            cursor.execute(f"UPDATE {table} SET due = due WHERE id = ''")
        cursor.execute(
            f"SELECT id, batch, alias, node, step, attempts, created FROM {table}"
            f" WHERE state = 'pending' AND {condition} ORDER BY due LIMIT {int(limit)}{lock}",
            values,
        )
        names = ("batch", "alias", "node", "step", "attempts", "created")
        rows = [
            Row(ref=EntryRef(using, key), **dict(zip(names, columns, strict=True)))
            for key, *columns in cursor.fetchall()
        ]
        for some in _chunks([row.ref.id for row in rows]):
            cursor.execute(
                f"UPDATE {table} SET due = {_now(using)} + %s WHERE id IN ({_marks(some)})",
                [lease, *some],
            )
    return sorted(rows, key=lambda row: row.ref.id)


def _lock(connection: Any) -> str:
    if not connection.features.has_select_for_update:
        return ""
    skips = connection.features.has_select_for_update_skip_locked
    return " FOR UPDATE SKIP LOCKED" if skips else " FOR UPDATE"


def next_due(using: str) -> float | None:
    """Return in how many seconds the next entry is due; None if there is none."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(due) - {_now(using)} FROM {_table(using)} WHERE state = 'pending'"
        )
        seconds = cursor.fetchone()[0]
    return None if seconds is None else float(seconds)


def hasten(using: str, alias: str, node: str) -> None:
    """Let what a node is owed be due now."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(using)} SET due = {_now(using)} WHERE state = 'pending'"
            f" AND step = 'send' AND alias = %s AND node IN (%s, '') AND due > {_now(using)}",
            [alias, node],
        )


def replay(refs: Iterable[EntryRef]) -> None:
    """Let dead letters be due now."""
    for using, ids in _by_database(refs).items():
        with connections[using].cursor() as cursor:
            for some in _chunks(ids):
                cursor.execute(
                    f"UPDATE {_table(using)} SET state = 'pending', attempts = 0,"
                    f" due = {_now(using)} WHERE state = 'dead' AND id IN ({_marks(some)})",
                    some,
                )


def counts(using: str) -> list[tuple[str, str, str, int, float]]:
    """Return alias, node, state, the number of entries, and the age of the oldest in seconds."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT alias, node, state, COUNT(*), {_now(using)} - MIN(created)"
            f" FROM {_table(using)} GROUP BY alias, node, state"
        )
        return [
            (alias, node, state, int(number), max(float(age), 0.0))
            for alias, node, state, number, age in cursor.fetchall()
        ]


def compact(using: str, *, limit: int) -> list[Left]:
    """Put one row for everything in the place of more than ``limit`` that have the same target.

    Returns what was put. Raises what the database raises.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT alias, node, state, MIN(created), MAX(error), COUNT(*) FROM {_table(using)}"
            " GROUP BY alias, node, state HAVING COUNT(*) > %s",
            [limit],
        )
        found = cursor.fetchall()
    put = []
    for alias, node, state, created, error, _ in found:
        left = Left(
            batch=PurgeBatch(everything=True),
            alias=alias,
            node=node,
            error=error,
            dead=state == "dead",
        )
        _put_for_all(using, left, created)
        put.append(left)
    return put


def _put_for_all(using: str, left: Left, created: float) -> None:
    """Replace all rows of a target. What is purged later than they were covers them all."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_table(using)} WHERE alias = %s AND node = %s AND state = %s",
            [left.alias, left.node, left.state],
        )
        _insert(cursor, using, [left], created)


def clock(using: str) -> float:
    """Return the seconds since 1970 on the database's clock."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {_now(using)}")
        return float(cursor.fetchone()[0])


def _fitting(batch: PurgeBatch) -> str:
    text = encoded(batch)
    return text if len(text) <= _LONGEST else encoded(PurgeBatch(everything=True))


def storable(text: str) -> str:
    """Return the beginning of a text, which may be a node's own words, as any database takes it."""
    return text[:2_000].replace("\0", "\ufffd").encode(errors="replace").decode()


def encoded(batch: PurgeBatch) -> str:
    """Return a batch as it is stored."""
    return json.dumps({"v": _VERSION, **batch.as_dict()}, separators=(",", ":"))


def decoded(text: str) -> PurgeBatch:
    """Return a stored batch; raise ValueError if another version of the package wrote it."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.pop("v", None) != _VERSION:
        raise ValueError("it has another version")
    return PurgeBatch.from_dict(values)


def _now(using: str) -> str:
    """Return the SQL for the seconds since 1970 on the database's clock."""
    return _NOW.get(connections[using].vendor) or repr(time.time())


def _insert(cursor: Any, using: str, left: Iterable[Left], created: float | None) -> None:
    present = _now(using)
    born = present if created is None else repr(float(created))
    statement = (
        f"INSERT INTO {_table(using)} (id, batch, alias, node, step, attempts, due, created, state,"
        f" error) VALUES (%s, %s, %s, %s, %s, %s, {present} + %s, {born}, %s, %s)"
    )
    cursor.executemany(
        statement,
        [
            [
                _new_id(), _fitting(each.batch), each.alias, each.node, each.step.value,
                each.attempts, each.seconds, each.state, storable(each.error),
            ]
            for each in left
        ],
    )  # fmt: skip


def _retarget(cursor: Any, using: str, id: str, left: Left) -> None:
    cursor.execute(
        f"UPDATE {_table(using)} SET alias = %s, node = %s, step = %s, attempts = %s, state = %s,"
        f" error = %s, due = {_now(using)} + %s WHERE id = %s",
        [
            left.alias, left.node, left.step.value, left.attempts, left.state,
            storable(left.error), left.seconds, id,
        ],
    )  # fmt: skip


def _deletions(using: str, ids: Sequence[str]) -> Iterator[str]:
    for some in _chunks(ids):
        yield f"DELETE FROM {_table(using)} WHERE id IN ({', '.join(map(repr, some))})"


def _table(using: str) -> str:
    return _quoted(using, connections[using].vendor)


@lru_cache(maxsize=64)
def _quoted(using: str, vendor: str) -> str:
    """Return the name of the table as the database of this vendor wants it."""
    model = apps.get_model("dumper_purge", "OutboxEntry")
    return connections[using].ops.quote_name(model._meta.db_table)


def _new_id() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(values)
    while some := list(islice(iterator, _IDS_AT_ONCE)):
        yield some
