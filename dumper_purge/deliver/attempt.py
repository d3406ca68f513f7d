"""One attempt: a backend is asked, and what came of it is told by signal and log."""

import logging
import time
from dataclasses import replace

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import bucket
from dumper_purge.deliver.breaker import Breakers
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.retry import MAX_ATTEMPTS, next_attempt
from dumper_purge.deliver.step import Step
from dumper_purge.exceptions import PurgeError, Rejected, Transient, Unfinished
from dumper_purge.signals import purge_failed, purge_sent

__all__ = ["AttemptFailed", "attempt", "breakers", "report_failure"]

logger = logging.getLogger("dumper.deliver")

_REMINDER = 20

breakers = Breakers()


class AttemptFailed(Exception):
    """``retry_in`` says in how many seconds it is tried again; None: never.

    ``was_tried`` is False where nothing failed: the node was not asked, as its breaker is open or
    its budget spent, or it takes the rest later. ``left`` is what is still to be done; None: all.
    ``refused`` is the error of what is neither done nor left, and not tried again.
    """

    def __init__(
        self,
        why: object,
        retry_in: float | None,
        *,
        was_tried: bool = True,
        left: PurgeBatch | None = None,
        refused: PurgeError | None = None,
    ) -> None:
        super().__init__(str(why))
        self.retry_in = retry_in
        self.was_tried = was_tried
        self.left = left
        self.refused = refused


def attempt(errand: Errand) -> bool:
    """Ask the backend; return False if it had nothing to do.

    Raises :class:`AttemptFailed`, after the failure was reported.
    """
    _require_permission(errand)
    errand.attempts += 1
    started = time.perf_counter()
    try:
        if errand.step is Step.SETTLE:
            return errand.backend.settle(errand.batch, errand.node)
        errand.backend.send(errand.batch, errand.node)
    except Unfinished as error:
        _report_progress(errand, error, time.perf_counter() - started)
        errand.attempts = 0
        raise AttemptFailed(
            error, error.wait, was_tried=False, left=error.left, refused=error.refused
        ) from error
    except Exception as error:
        retry_in = _retry_in(errand, error)
        left = error.left if isinstance(error, PurgeError) else None
        failed = errand if left is None else replace(errand, batch=left)
        report_failure(failed, error, time.perf_counter() - started, retry_in)
        raise AttemptFailed(error, retry_in, left=left) from error
    _report_success(errand, time.perf_counter() - started)
    return True


def _require_permission(errand: Errand) -> None:
    """Raise :class:`AttemptFailed` if the node must not be asked now."""
    if errand.step is Step.SETTLE:
        return
    wait = breakers.wait(errand.backend.alias, errand.node)
    if wait:
        raise AttemptFailed(f"{errand} is left alone, as it kept failing", wait, was_tried=False)
    wait = bucket.take(errand.backend, errand.batch)
    if wait:
        breakers.give_back(errand.backend.alias, errand.node)
        why = f"{errand.backend.alias} takes no more than its rate"
        raise AttemptFailed(why, wait, was_tried=False)


def _retry_in(errand: Errand, error: Exception) -> float | None:
    """Return when to try again, after the breaker was told."""
    alias, node = errand.backend.alias, errand.node
    if errand.step is Step.SETTLE:
        return next_attempt(error, errand.attempts, endless=errand.endless)
    if isinstance(error, Rejected):
        breakers.succeeded(alias, node)  # It answers.
        return None
    failures = errand.attempts
    if isinstance(error, Transient):
        failures = max(failures, breakers.failures(alias, node) + 1)
    retry_in = next_attempt(error, failures, endless=errand.endless)
    breakers.failed(alias, node, retry_in or 0.0)
    return retry_in


def _report_progress(errand: Errand, unfinished: Unfinished, seconds: float) -> None:
    """Tell what was done and what was refused; the rest comes later."""
    breakers.succeeded(errand.backend.alias, errand.node)
    done = errand.batch - unfinished.left
    refused = unfinished.refused
    if refused is not None:
        report_failure(replace(errand, batch=refused.left), refused, seconds, None)
        done -= refused.left
    _report_success(replace(errand, batch=done), seconds)


def _report_success(errand: Errand, seconds: float) -> None:
    if errand.attempts > 1:
        logger.info("Purged %s on %s at attempt %d.", errand.batch, errand, errand.attempts)
    purge_sent.send_robust(
        type(errand.backend),
        alias=errand.backend.alias,
        node=errand.node,
        batch=errand.batch,
        attempts=errand.attempts,
        seconds=seconds,
    )


def report_failure(
    errand: Errand, error: Exception, seconds: float, retry_in: float | None
) -> None:
    """Log one line and send ``purge_failed``."""
    # What no backend should raise is a bug, and its traceback is wanted.
    trace = None if isinstance(error, PurgeError) else error
    level = _level(errand.attempts)
    if retry_in is None:
        level, what_next = logging.ERROR, "It is not tried again."
    else:
        what_next = f"Next attempt in {retry_in:.1f} s."
    logger.log(
        level,
        "Could not purge %s on %s: %s %s", errand.batch, errand, error, what_next,
        exc_info=trace,
    )  # fmt: skip
    purge_failed.send_robust(
        type(errand.backend),
        alias=errand.backend.alias,
        node=errand.node,
        batch=errand.batch,
        attempts=errand.attempts,
        seconds=seconds,
        error=error,
        final=retry_in is None,
    )


def _level(attempts: int) -> int:
    """An ERROR once it has lasted, and a reminder now and then: it may last for days."""
    if attempts < MAX_ATTEMPTS:
        return logging.WARNING
    return logging.DEBUG if (attempts - MAX_ATTEMPTS) % _REMINDER else logging.ERROR
