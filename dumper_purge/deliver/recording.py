"""The fence's generations, which every purge records first of all."""

import time

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.attempt import report_failure
from dumper_purge.deliver.carrying import followups
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.fence_backend import FENCE
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.retry import next_attempt
from dumper_purge.exceptions import Transient
from dumper_purge.respond import fence

__all__ = ["record"]


def record(batch: PurgeBatch, receipt: Receipt | None = None) -> bool:
    """Record the generations of a batch; what fails is tried again later, endlessly.

    Returns False if it failed. Until it succeeds this process stores nothing (see
    :mod:`dumper_purge.respond.fence`).
    """
    started = time.perf_counter()
    try:
        fence.record(batch)
    except Exception as error:  # Whatever it is, a save goes on.
        if not isinstance(error, Transient):
            fence.distrust()
        errand = Errand(
            backend=FENCE, node=FENCE.alias, batch=batch, attempts=1, endless=True, receipt=receipt
        )
        seconds = next_attempt(error, 1) or 0.0
        report_failure(errand, error, time.perf_counter() - started, seconds)
        followups.owe(errand, seconds, str(error))
        return False
    return True
