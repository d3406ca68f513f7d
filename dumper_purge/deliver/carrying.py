"""Carrying out errands, and seeing to what follows from each attempt."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from dumper_purge.backends import configured
from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import bucket
from dumper_purge.deliver.attempt import AttemptFailed, attempt, breakers
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.errand import Errand, merged
from dumper_purge.deliver.followups import FollowUps
from dumper_purge.deliver.outbox import engines, nodes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.retry import next_attempt
from dumper_purge.deliver.step import Step
from dumper_purge.deliver.tiers import Passage
from dumper_purge.deliver.upkeep.closing import Closing
from dumper_purge.deliver.upkeep.riders import Riders
from dumper_purge.deliver.upkeep.sweeper import Sweeper
from dumper_purge.exceptions import Transient

__all__ = [
    "background", "carry_out", "closing", "followups", "forget", "pass_through", "riders",
    "sweeper",
]  # fmt: skip

_IN_HAND = 2.0
"""Seconds within which a delivery has written down what it leaves."""


def carry_out(errands: list[Errand]) -> None:
    """Ask a backend for several errands at once, and see to what follows."""
    errand, parts = merged(errands), _parts(errands)
    purged = is_back = False
    try:
        purged, is_back = _attempted(errand, parts)
    finally:
        _conclude(errands, purged=purged)
    if is_back and any(part.receipt is not None for part in parts):
        # After the entries were closed, or they were taken up once more.
        _hasten(errand)


def _attempted(errand: Errand, parts: Sequence[Errand]) -> tuple[bool, bool]:
    """Return whether it was purged, and whether the node is back that does so."""
    try:
        purged = attempt(errand)
    except AttemptFailed as failure:
        _note_failure(errand, failure)
        for part in parts:
            _follow_failure(_remaining(part, failure), errand, failure)
        return False, False
    except BaseException:
        # A receiver that ends this thread, by SystemExit, must not end the purge with it.
        for part in parts:
            followups.owe(part, next_attempt(Transient(""), errand.attempts) or 0.0)
        raise
    if errand.step is Step.SETTLE or errand.backend.instant:
        return purged, False
    is_back = _note_success(errand)
    for part in parts:
        followups.sent(part)
    return purged, is_back


def pass_through(
    batch: PurgeBatch,
    backends: Sequence[BaseBackend],
    *,
    receipt: Receipt | None = None,
    log_level: int = logging.DEBUG,
) -> Passage:
    """Begin to purge a batch on some backends, the inner before the outer ones."""
    passage = Passage(
        batch, backends, background, followups,
        receipt=receipt, end=closing.end, log_level=log_level,
    )  # fmt: skip
    passage.start()
    return passage


def forget() -> None:
    """Drop all that is pending in this process; the outbox keeps its own."""
    background.forget()
    followups.forget()
    breakers.forget()
    sweeper.forget()
    riders.forget()
    closing.forget()
    nodes.forget()
    bucket.forget()
    engines.forget()


def _outside_of(inner: BaseBackend) -> list[BaseBackend]:
    """Return the backends that stand outside of one, and have to be asked over a network."""
    outside = [backend for backend in configured() if not backend.instant]
    aliases = [backend.alias for backend in outside]
    return outside[aliases.index(inner.alias) + 1 :] if inner.alias in aliases else outside


def _parts(errands: list[Errand]) -> list[Errand]:
    """Merge the errands without a receipt; those that have one are seen to one by one."""
    loose = [errand for errand in errands if errand.receipt is None]
    kept = [errand for errand in errands if errand.receipt is not None]
    return [*kept, merged(loose)] if loose else kept


def _remaining(part: Errand, failure: AttemptFailed) -> Errand:
    """Return what is left of a part, after what follows from the purge of the others was begun."""
    if failure.left is None:
        return part
    remaining = part.batch & failure.left
    done = replace(part, batch=part.batch - remaining - _buried(part, failure))
    if done.batch:
        followups.sent(done)
        # The tiers outside may have been purged already.
        followups.late(done.backend, done.batch, done.receipt)
    return replace(part, batch=remaining)


def _buried(part: Errand, failure: AttemptFailed) -> PurgeBatch:
    """Bury what was refused of a part; return it."""
    if failure.refused is None:
        return PurgeBatch()
    refused: PurgeBatch = part.batch & failure.refused.left
    if refused:
        followups.bury(replace(part, batch=refused), str(failure.refused))
    return refused


def _follow_failure(part: Errand, whole: Errand, failure: AttemptFailed) -> None:
    part.attempts = whole.attempts
    if not part.batch:
        return
    if failure.retry_in is None:
        followups.bury(part, str(failure))
    else:
        followups.owe(part, failure.retry_in, str(failure))


def _hasten(errand: Errand) -> None:
    """Carry out what a node is owed that is back, also what is not yet written down."""
    hasten = partial(sweeper.hasten, errand.backend.alias, errand.node)
    closing.hurry()
    hasten()
    background.later(_IN_HAND, hasten, optional=True)


def _note_failure(errand: Errand, failure: AttemptFailed) -> None:
    if failure.was_tried:
        nodes.failed(errand.backend.alias, errand.node, str(failure), failure.retry_in)
    elif failure.left is not None:
        nodes.succeeded(errand.backend.alias, errand.node)


def _note_success(errand: Errand) -> bool:
    """Return whether the node had failed before."""
    nodes.succeeded(errand.backend.alias, errand.node)
    return breakers.succeeded(errand.backend.alias, errand.node)


def _conclude(errands: list[Errand], *, purged: bool) -> None:
    for errand in errands:
        proceed = errand.done(purged) if errand.done is not None else None
        if errand.receipt is not None:
            closing.end(errand.receipt)
        if proceed is not None:
            proceed()


background = Background(carry_out)
followups = FollowUps(background, outside=_outside_of, purge=pass_through)
sweeper = Sweeper(background)
riders = Riders(background)
closing = Closing(background, sweeper, riders)
