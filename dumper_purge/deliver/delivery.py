"""Where batches come in: first the fence, then the tiers. Only :func:`write` ever raises.

What is purged without I/O is purged at once, in the caller's thread. The rest is done beside it
and waited for as long as the request's budget lasts; what is then still to be done stays in the
outbox until it is, whatever becomes of this process.
"""

import atexit
import logging
import os
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.util import Finalize, register_after_fork

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.deliver import carrying, recording
from dumper_purge.deliver.attempt import report_failure
from dumper_purge.deliver.budget import spending
from dumper_purge.deliver.carrying import background, closing, pass_through, riders, sweeper
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.outbox import engines, insertion, outboxes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.sweep import purge_instantly

__all__ = ["deliver", "finish", "forget", "has_outbox", "record", "write"]

logger = logging.getLogger("dumper.deliver")


def has_outbox(using: str) -> bool:
    """Tell whether writes to a database are entered in an outbox."""
    return outboxes.has_outbox(using)


def write(batch: PurgeBatch, using: str) -> EntryRef | None:
    """Enter a batch in the outbox, in the current transaction; None where there is no outbox.

    Raises a database error that has broken the transaction.
    """
    along = riders.along(using)
    ref = insertion.enter(batch, using, along=along)
    if along and ref is not None:
        riders.board(ref, along)
    return ref


def record(batch: PurgeBatch) -> bool:
    """Record the fence's generations; False if that failed, and is tried again later."""
    return not batch or recording.record(batch)


def deliver(batch: PurgeBatch, *, recorded: bool = False, entries: Sequence[EntryRef] = ()) -> None:
    """Purge a batch everywhere; wait for it no longer than the request's budget allows."""
    if not batch:
        return
    riders.arrive(entries)
    receipt = Receipt(batch, entries) if entries else None
    if not recorded:
        recording.record(batch, receipt)
    try:
        background.catch_up()
        _deliver(batch, receipt)
        if receipt is not None:
            sweeper.look(here={ref.using for ref in entries})
    except Exception as error:  # A wrong setting, most likely.
        report_failure(Errand(backend=_NOBODY, node="", batch=batch), error, 0.0, None)


def finish(timeout: float) -> list[Errand]:
    """Wait until all that is pending was done; return what was not after ``timeout`` seconds."""
    left = background.finish(timeout)
    riders.flush()
    return left


def forget() -> None:
    """Drop all that is pending in this process; the outbox keeps its own."""
    carrying.forget()


def _deliver(batch: PurgeBatch, receipt: Receipt | None) -> None:
    outside = purge_instantly(batch, receipt)
    if not outside:
        logger.info("Purged %s.", batch)
    else:
        with spending() as seconds:
            if receipt is not None and engines.hand_over(receipt.entries):
                # Never let go: from here on the entry is the engine's to close.
                sweeper.count(1)
                return
            passage = pass_through(batch, outside, receipt=receipt, log_level=logging.INFO)
            passage.finished.wait(seconds)
    if receipt is not None:
        closing.let_go(receipt)


def _exit() -> None:
    if not background.is_idle():
        background.exit(current().exit_timeout)
    riders.flush()
    forget()


def _finish_before_multiprocessing_exits(*args: object) -> None:
    # Its children end without atexit, and have forgotten what was registered before the fork.
    Finalize(None, _exit, exitpriority=0)


_NOBODY = BaseBackend(alias="")
os.register_at_fork(after_in_child=forget)
atexit.register(_exit)
register_after_fork(background, _finish_before_multiprocessing_exits)
if parent_process() is not None:
    _finish_before_multiprocessing_exits()
