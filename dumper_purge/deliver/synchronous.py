"""Delivery for whoever wants to know what came of it, such as a management command."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import Error

from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.deliver.errand import Errand, place
from dumper_purge.deliver.outbox import outboxes, table
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.signals import purge_failed, purge_sent

__all__ = ["Outcome", "purge_and_wait"]

logger = logging.getLogger("dumper.deliver")


@dataclass
class Outcome:
    """What came of it: each node's last error, by alias and node; None for one that was purged."""

    errors: dict[str, Exception | None] = field(default_factory=dict)
    is_kept: bool = False
    """Whether what is still to be done, or was rejected, is in an outbox."""


def purge_and_wait(batches: Iterable[PurgeBatch], timeout: float) -> Outcome:
    """Purge batches; then wait for all nodes, retries and second purges, so many seconds at most.

    What is not done by then goes into the outbox, and what was rejected is a dead letter there.
    """
    outcome, left = Outcome(), list[Left]()
    with _watched(outcome.errors, left):
        for batch in batches:
            delivery.deliver(batch)
        for errand in delivery.finish(timeout):
            if outcome.errors.get(str(errand)) is None:
                outcome.errors[str(errand)] = TimeoutError(f"not finished within {timeout:g} s")
            left.append(_pending(errand, outcome.errors[str(errand)]))
    outcome.is_kept = bool(left) and _keep(left)
    return outcome


@contextmanager
def _watched(errors: dict[str, Exception | None], left: list[Left]) -> Iterator[None]:
    given_up: dict[str, Exception | None] = {}

    def note(
        *, alias: str, node: str, batch: PurgeBatch, error: Exception | None = None, **kwargs: Any
    ) -> None:
        if kwargs.get("final"):
            given_up[place(alias, node)] = error
            if alias:
                left.append(_dead(alias, node, batch, str(error)))
        errors[place(alias, node)] = given_up.get(place(alias, node), error)

    purge_sent.connect(note, weak=False)
    purge_failed.connect(note, weak=False)
    try:
        yield
    finally:
        purge_sent.disconnect(note)
        purge_failed.disconnect(note)


def _dead(alias: str, node: str, batch: PurgeBatch, error: str) -> Left:
    return Left(batch=batch, alias=alias, node=node, error=error, dead=True)


def _pending(errand: Errand, error: Exception | None) -> Left:
    return Left(
        batch=errand.batch,
        alias=errand.backend.alias,
        node=errand.node,
        step=errand.step,
        attempts=errand.attempts,
        error=str(error),
    )


def _keep(left: Iterable[Left]) -> bool:
    """Write down what is left, one row for what is alike, and let this process forget it."""
    found: dict[Left, BatchBuilder] = defaultdict(BatchBuilder)
    for each in left:
        found[replace(each, batch=PurgeBatch(), attempts=0)].merge(each.batch)
    rows = [(replace(key, batch=builder.build()), None) for key, builder in found.items()]
    for using in outboxes.all_outboxes()[:1]:
        try:
            table.change(using, [], rows, [])
        except Error as error:
            logger.warning("What is left could not be written to %r: %s", using, error)
            return False
        delivery.forget()
        return True
    return False
