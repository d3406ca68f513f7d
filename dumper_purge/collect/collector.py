"""Where a change goes: to its transaction's batch, to a block, or out."""

import logging
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.collect import transactions
from dumper_purge.collect.autocommit import Saving, enters
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.forwarding import forward
from dumper_purge.collect.outlet import EntryRef, outlet
from dumper_purge.collect.request import current_request
from dumper_purge.collect.segment import Segment
from dumper_purge.conf import current

__all__ = ["collect", "collect_row", "purge"]

logger = logging.getLogger("dumper.collect")


def collect(using: str, changes: BatchBuilder, save: Saving | None = None) -> None:
    """Purge what a write has changed, as soon as it is committed.

    ``save`` is what is known of a save in autocommit, which may have been entered in the outbox.
    """
    if not changes:
        return
    _check_outlet()
    connection = connections[using]
    waiting = _waiting(connection)
    entries = _entries(using, changes.build(), save) if enters(using) else []
    if waiting is not None:
        _add(waiting, changes)
        waiting.entries += entries
    elif transactions.is_manual(connection):
        changes.everything = True
        _purge_twice(using, changes.build())
    else:
        forward(changes.build(), entries)


def _check_outlet() -> None:
    """Raise here, where the caller sees it, if nothing was connected."""
    outlet()


def _entries(using: str, batch: PurgeBatch, save: Saving | None) -> list[EntryRef]:
    """Return the entries that hold a committed batch; write one for what is in none."""
    entries = [] if save is None else save.entries
    if save is None or (save.batch | batch) != save.batch:
        entry = outlet().write(batch, using)
        if entry is not None:
            entries = [*entries, entry]
    return entries


def collect_row(
    using: str, model: type[Model], pk: Any, changes: BatchBuilder, save: Saving | None = None
) -> None:
    """Purge the dependents of a row that can be read only when the rows it needs are written.

    ``changes`` are those that are known already.
    """
    rows = Segment()
    rows.batch.merge(changes)
    rows.rows[using, model].add(pk)
    waiting = _waiting(connections[using])
    if waiting is not None:
        rows.entries += save.entries if save is not None else ()
        waiting.merge(rows)
    else:
        collect(using, rows.resolved(), save)


def purge(batch: PurgeBatch, using: str | None) -> None:
    """Purge at the user's word, when the transaction of ``using`` commits; None: all open ones."""
    if not batch:
        return
    _check_outlet()
    asked = connections.all(initialized_only=True) if using is None else [connections[using]]
    manual = [connection.alias for connection in asked if transactions.is_manual(connection)]
    waiting = [_waiting(connection) for connection in asked if connection.in_atomic_block]
    segments = [segment for segment in waiting if segment is not None]
    for segment in segments:
        _add(segment, batch)
    if manual and not segments and current_block() is None:
        _purge_twice(manual[0], batch)
    elif not segments:
        alias = using or DEFAULT_DB_ALIAS
        forward(batch, _entries(alias, batch, None) if enters(alias) else ())


def _add(segment: Segment, changes: BatchBuilder | PurgeBatch) -> None:
    """Keep changes with others, in bounded memory."""
    segment.batch.merge(changes)
    limit = current().batch_limit
    if segment.batch.bound(limit):
        logger.warning(
            "More than DUMPER_BATCH_LIMIT (%d) paths and tags are purged at once: purging"
            " everything.",
            limit,
        )


def _waiting(connection: Any) -> Segment | None:
    """Return the segment that waits for the commit or for the end of a block; None: neither."""
    block = current_block()
    if not connection.in_atomic_block or transactions.is_manual(connection):
        return None if block is None else block.segments[None]
    if block is not None and block.withholds(connection):
        return block.segments[connection.alias]
    return transactions.segment(connection)


def _purge_twice(using: str, batch: PurgeBatch) -> None:
    logger.error(
        "Database %r is in manual transaction mode: a commit by SQL of a write to a registered"
        " model would not be seen. Purging %s now, at transaction.commit(), and at the end of the"
        " request; put the transaction into a dumper_purge.collecting() block.",
        using, batch,
    )  # fmt: skip
    transactions.purge_at_commit(connections[using], batch)
    request = current_request()
    if request is not None:
        request.repeat(batch)
    outlet().deliver(batch)
