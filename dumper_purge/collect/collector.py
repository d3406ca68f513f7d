"""Where a change goes: to its transaction's batch, to a block, or out."""

import logging
from typing import Any

from django.db import connections
from django.db.models import Model

from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.collect import transactions
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.outlet import outlet
from dumper_purge.collect.request import current_request
from dumper_purge.collect.segment import Segment
from dumper_purge.collect.settlement import settle

__all__ = ["collect", "collect_row", "purge"]

logger = logging.getLogger("dumper.collect")


def collect(using: str, changes: BatchBuilder) -> None:
    """Purge what a write has changed, as soon as it is committed."""
    if not changes:
        return
    outlet()
    connection = connections[using]
    waiting = _waiting(connection)
    if waiting is not None:
        waiting.batch.merge(changes)
    elif transactions.is_manual(connection):
        changes.everything = True
        _purge_twice(using, changes.build())
    else:
        settle(changes.build())


def collect_row(using: str, model: type[Model], pk: Any) -> None:
    """Purge the dependents of a row that can be read only when the rows it needs are written."""
    rows = Segment()
    rows.rows[using, model].add(pk)
    waiting = _waiting(connections[using])
    if waiting is not None:
        waiting.merge(rows)
    else:
        collect(using, rows.resolved())


def purge(batch: PurgeBatch, using: str | None) -> None:
    """Purge at the user's word, when the transaction of ``using`` commits; None: all open ones."""
    if not batch:
        return
    outlet()
    asked = connections.all(initialized_only=True) if using is None else [connections[using]]
    manual = [connection.alias for connection in asked if transactions.is_manual(connection)]
    waiting = [_waiting(connection) for connection in asked if connection.in_atomic_block]
    segments = [segment for segment in waiting if segment is not None]
    for segment in segments:
        segment.batch.merge(batch)
    if manual and not segments and current_block() is None:
        _purge_twice(manual[0], batch)
    elif not segments:
        settle(batch)


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
        "Database %r is in manual transaction mode: nothing tells when a write to a registered"
        " model is committed. Purging %s now and at the end of the request; put the transaction"
        " into a dumper_purge.collecting() block.",
        using, batch,
    )  # fmt: skip
    request = current_request()
    if request is not None:
        request.repeat(batch)
    outlet().deliver(batch)
