"""Where batches come in: first the fence, then the tiers. Nothing here raises.

What is purged without I/O is purged at once, in the caller's thread. The rest is done beside it
and waited for as long as the request's budget lasts.
"""

import atexit
import logging
import os
import time
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.util import Finalize, register_after_fork

from dumper_purge.backends import configured
from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.conf import current
from dumper_purge.deliver.attempt import AttemptFailed, attempt, report_failure
from dumper_purge.deliver.background import Background
from dumper_purge.deliver.budget import spending
from dumper_purge.deliver.entry import Entry, Step, merged
from dumper_purge.deliver.fence_backend import FENCE
from dumper_purge.deliver.followups import FollowUps
from dumper_purge.deliver.retry import next_attempt
from dumper_purge.deliver.tiers import Passage
from dumper_purge.exceptions import Transient
from dumper_purge.respond import fence

__all__ = ["deliver", "finish", "forget", "record"]

logger = logging.getLogger("dumper.deliver")


def record(batch: PurgeBatch) -> None:
    """Record the fence's generations; what fails is tried again in the background, endlessly.

    Until it succeeds this process stores nothing (see :mod:`dumper_purge.respond.fence`).
    """
    if not batch:
        return
    started = time.perf_counter()
    try:
        fence.record(batch)
    except Exception as error:  # Whatever it is, a save goes on.
        if not isinstance(error, Transient):
            fence.distrust()
        entry = Entry(backend=FENCE, node=FENCE.alias, batch=batch, attempts=1, endless=True)
        seconds = next_attempt(error, 1) or 0.0
        report_failure(entry, error, time.perf_counter() - started, seconds)
        _followups.owe(entry, seconds)


def deliver(batch: PurgeBatch, *, recorded: bool = False) -> None:
    """Purge a batch everywhere; wait for it no longer than the request's budget allows."""
    if not batch:
        return
    if not recorded:
        record(batch)
    try:
        _deliver(batch)
    except Exception as error:  # A wrong setting, most likely.
        report_failure(Entry(backend=_NOBODY, node="", batch=batch), error, 0.0, None)


def finish(timeout: float) -> list[Entry]:
    """Wait until all that is pending was done; return what was not after ``timeout`` seconds."""
    return _background.finish(timeout)


def forget() -> None:
    """Drop all that is pending."""
    _background.forget()
    _followups.forget()


def _deliver(batch: PurgeBatch) -> None:
    _background.catch_up()
    outside = []
    for backend in configured():
        if backend.instant:
            for node in backend.nodes:
                _carry_out([Entry(backend=backend, node=node, batch=batch)])
        else:
            outside.append(backend)
    if not outside:
        logger.info("Purged %s.", batch)
        return
    with spending() as seconds:
        passage = _pass_through(batch, outside, logging.INFO)
        passage.finished.wait(seconds)


def _pass_through(
    batch: PurgeBatch, backends: Sequence[BaseBackend], log_level: int = logging.DEBUG
) -> Passage:
    passage = Passage(batch, backends, _background, _followups, log_level=log_level)
    passage.start()
    return passage


def _carry_out(entries: list[Entry]) -> None:
    entry = merged(entries)
    try:
        purged = attempt(entry)
    except AttemptFailed as failure:
        purged = False
        if failure.retry_in is not None:
            _followups.owe(entry, failure.retry_in)
    except BaseException:
        # A receiver that ends this thread, by SystemExit, must not end the purge with it.
        _followups.owe(entry, next_attempt(Transient(""), entry.attempts) or 0.0)
        raise
    else:
        if entry.step is not Step.SETTLE and not entry.backend.instant:
            _followups.sent(entry)
    for each in entries:
        if each.done is not None:
            each.done(purged)


def _outside(inner: BaseBackend) -> list[BaseBackend]:
    outside = [backend for backend in configured() if not backend.instant]
    aliases = [backend.alias for backend in outside]
    return outside[aliases.index(inner.alias) + 1 :] if inner.alias in aliases else outside


def _exit() -> None:
    if not _background.is_idle():
        _background.exit(current().exit_timeout)
        forget()


def _finish_before_multiprocessing_exits(*args: object) -> None:
    # Its children end without atexit, and have forgotten what was registered before the fork.
    Finalize(None, _exit, exitpriority=0)


_NOBODY = BaseBackend(alias="")
_background = Background(_carry_out)
_followups = FollowUps(_background, outside=_outside, purge=_pass_through)
os.register_at_fork(after_in_child=forget)
atexit.register(_exit)
register_after_fork(_background, _finish_before_multiprocessing_exits)
if parent_process() is not None:
    _finish_before_multiprocessing_exits()
