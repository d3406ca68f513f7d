"""Carrying out entries, and seeing to what follows from each attempt."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from dumper_purge.backends import configured
from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import bucket
from dumper_purge.deliver.attempt import AttemptFailed, attempt, breakers
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.entry import Entry, merged
from dumper_purge.deliver.followups import FollowUps
from dumper_purge.deliver.outbox import engines, nodes
from dumper_purge.deliver.outbox.closing import Closing
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.sweeper import Sweeper
from dumper_purge.deliver.retry import next_attempt
from dumper_purge.deliver.step import Step
from dumper_purge.deliver.tiers import Passage
from dumper_purge.exceptions import Transient

__all__ = [
    "background", "carry_out", "closing", "followups", "forget", "pass_through", "sweeper",
]  # fmt: skip


def carry_out(entries: list[Entry]) -> None:
    """Ask a backend for several entries at once, and see to what follows."""
    entry = merged(entries)
    parts = _parts(entries)
    try:
        purged = attempt(entry)
    except AttemptFailed as failure:
        purged = False
        if failure.was_tried:
            nodes.failed(entry.backend.alias, entry.node, str(failure), failure.retry_in)
        for part in parts:
            _follow_failure(_rest(part, failure.left), entry, failure)
    except BaseException:
        # A receiver that ends this thread, by SystemExit, must not end the purge with it.
        for part in parts:
            followups.owe(part, next_attempt(Transient(""), entry.attempts) or 0.0)
        _conclude(entries, purged=False)
        raise
    else:
        if entry.step is not Step.SETTLE and not entry.backend.instant:
            _note_success(entry, kept=any(part.receipt is not None for part in parts))
            for part in parts:
                followups.sent(part)
    _conclude(entries, purged=purged)


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
    nodes.forget()
    bucket.forget()
    engines.forget()


def _outside_of(inner: BaseBackend) -> list[BaseBackend]:
    """Return the backends that stand outside of one, and have to be asked over a network."""
    outside = [backend for backend in configured() if not backend.instant]
    aliases = [backend.alias for backend in outside]
    return outside[aliases.index(inner.alias) + 1 :] if inner.alias in aliases else outside


def _parts(entries: list[Entry]) -> list[Entry]:
    """Merge the entries without a receipt; those that have one are seen to one by one."""
    loose = [entry for entry in entries if entry.receipt is None]
    kept = [entry for entry in entries if entry.receipt is not None]
    return [*kept, merged(loose)] if loose else kept


def _rest(part: Entry, left: PurgeBatch | None) -> Entry:
    """Return what is left of a part, after what follows from the purge of the others was begun."""
    if left is None:
        return part
    rest = part.batch & left
    done = replace(part, batch=part.batch - rest)
    if done.batch:
        followups.sent(done)
        # The tiers outside may have been purged already.
        followups.late(done.backend, done.batch, done.receipt)
    return replace(part, batch=rest)


def _follow_failure(part: Entry, whole: Entry, failure: AttemptFailed) -> None:
    part.attempts = whole.attempts
    if not part.batch:
        return
    if failure.retry_in is None:
        followups.bury(part, str(failure))
    else:
        followups.owe(part, failure.retry_in, str(failure))


def _note_success(entry: Entry, *, kept: bool) -> None:
    nodes.succeeded(entry.backend.alias, entry.node)
    if breakers.succeeded(entry.backend.alias, entry.node) and kept:
        sweeper.hasten(entry.backend.alias, entry.node)


def _conclude(entries: list[Entry], *, purged: bool) -> None:
    for entry in entries:
        proceed = entry.done(purged) if entry.done is not None else None
        if entry.receipt is not None:
            closing.end(entry.receipt)
        if proceed is not None:
            proceed()


background = Background(carry_out)
followups = FollowUps(background, outside=_outside_of, purge=pass_through)
sweeper = Sweeper(background)
closing = Closing(background, sweeper)
