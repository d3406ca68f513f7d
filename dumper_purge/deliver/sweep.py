"""From claimed rows of the outbox back to deliveries; and doors for whoever sweeps on purpose."""

import logging
from collections.abc import Iterable, Sequence

from django.db import connections
from django.db.transaction import TransactionManagementError

from dumper_purge.backends import configured
from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.conf import current
from dumper_purge.deliver import carrying
from dumper_purge.deliver.attempt import report_failure
from dumper_purge.deliver.carrying import closing, followups, pass_through, sweeper
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.fence_backend import FENCE
from dumper_purge.deliver.outbox import claims, encoding, outboxes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import EVERYWHERE, Left, Row
from dumper_purge.deliver.recording import record
from dumper_purge.deliver.step import Step
from dumper_purge.deliver.tiers import PATIENCE
from dumper_purge.deliver.upkeep.sweeper import LEASE
from dumper_purge.exceptions import Rejected

__all__ = ["carry_out", "purge_instantly", "sweep", "take_up"]

logger = logging.getLogger("dumper.deliver")

_LONGEST_WAIT = 60.0


def carry_out(using: str, ids: Sequence[str]) -> None:
    """Deliver these entries of a database now; return when every node was asked.

    What failed stays in the outbox, due later. Entries that are no longer there are left out.
    Raises what the database raises, and TransactionManagementError inside a transaction: it would
    wait there for rows that it has locked itself.
    """
    if ids and connections[using].in_atomic_block:
        raise TransactionManagementError("Entries cannot be carried out inside a transaction.")
    _wait(take_up(claims.claim(using, limit=len(ids), lease=LEASE, ids=ids)) if ids else [])


def sweep() -> int:
    """Deliver all that is due on every database; return the number of entries taken up.

    Returns when every node was asked. A database that cannot be asked is left out, and logged.
    """
    outboxes.all_outboxes()
    receipts = sweeper.sweep()
    _wait(receipts)
    return sum(len(receipt.entries) for receipt in receipts)


def take_up(rows: list[Row]) -> list[Receipt]:
    """Begin to deliver claimed rows, those with the same target merged."""
    targets: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        targets.setdefault((row.alias, row.node, row.step), []).append(row)
    receipts = []
    for target, some in targets.items():
        try:
            receipts.append(_start(*target, some))
        except Exception:  # The others must not wait for it; it comes up again.
            logger.exception("%d entries could not be taken up.", len(some))
    return receipts


def purge_instantly(batch: PurgeBatch, receipt: Receipt | None) -> list[BaseBackend]:
    """Purge what needs no I/O, in this thread; return the other backends."""
    outside = []
    for backend in configured():
        if not backend.instant:
            outside.append(backend)
            continue
        for node in backend.nodes:
            if receipt is not None:
                receipt.hold()
            carrying.carry_out([Errand(backend=backend, node=node, batch=batch, receipt=receipt)])
    return outside


def _start(alias: str, node: str, step: str, rows: list[Row]) -> Receipt:
    batch = _merged(rows)
    receipt = Receipt(batch, [row.ref for row in rows], created=min(row.created for row in rows))
    if alias == EVERYWHERE:
        _start_everywhere(batch, receipt)
    else:
        attempts = max(row.attempts for row in rows)
        _start_at(alias, node, _step(step), receipt, attempts)
    closing.let_go_later(receipt, PATIENCE)
    closing.end(receipt)
    return receipt


def _start_everywhere(batch: PurgeBatch, receipt: Receipt) -> None:
    record(batch, receipt)
    pass_through(batch, purge_instantly(batch, receipt), receipt=receipt)


def _start_at(alias: str, node: str, step: Step, receipt: Receipt, attempts: int) -> None:
    backend = next((each for each in (FENCE, *configured()) if each.alias == alias), None)
    if backend is None or (node != EVERYWHERE and node not in backend.nodes):
        _bury(alias, node, step, receipt)
        return
    for each in backend.nodes if node == EVERYWHERE else (node,):
        errand = Errand(
            backend=backend,
            node=each,
            batch=receipt.batch,
            step=step,
            attempts=attempts,
            endless=backend is FENCE,
            receipt=receipt,
        )
        errand.done = followups.when_late(errand)
        followups.submit(errand)


def _bury(alias: str, node: str, step: Step, receipt: Receipt) -> None:
    error = Rejected(
        f"DUMPER_BACKENDS has no {alias!r}" + (f" with the node {node!r}" if node else "") + ":"
        " if it was renamed, replay its entries or purge everything there; if it is gone, drop"
        " them (manage.py dumper failed)."
    )
    errand = Errand(backend=BaseBackend(alias=alias), node=node or alias, batch=receipt.batch)
    report_failure(errand, error, 0.0, None)
    receipt.leave(
        Left(batch=receipt.batch, alias=alias, node=node, step=step, error=str(error), dead=True)
    )


def _step(text: str) -> Step:
    """Return the step; what another version has thought of begins anew."""
    return Step(text) if text in {step.value for step in Step} else Step.SEND


def _merged(rows: Iterable[Row]) -> PurgeBatch:
    builder = BatchBuilder()
    limit = current().batch_limit
    for row in rows:
        builder.merge(_decoded(row))
        builder.bound(limit)
    return builder.build()


def _decoded(row: Row) -> PurgeBatch:
    try:
        return encoding.decoded(row.batch)
    except (ValueError, RecursionError, OverflowError) as error:
        logger.error(  # noqa: TRY400 - it says all there is to say
            "Entry %s of %r was written by another version of dumper_purge (%s): everything is"
            " purged instead.",
            row.ref.id, row.ref.using, error,
        )  # fmt: skip
        return PurgeBatch(everything=True)


def _wait(receipts: Iterable[Receipt]) -> None:
    for receipt in receipts:
        receipt.closed.wait(_LONGEST_WAIT)


sweeper.connect(take_up)
