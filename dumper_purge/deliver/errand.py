"""One batch that one node has still to carry out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import BatchBuilder, PurgeBatch
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.step import Step

__all__ = ["FENCE_ALIAS", "Done", "Errand", "Lane", "merged", "place"]

FENCE_ALIAS = "fence"
"""The alias of what is still to be recorded in the shared cache."""

Lane: TypeAlias = tuple[str, str, Step]
Done: TypeAlias = Callable[[bool], Callable[[], None] | None]
"""Is told whether something was purged; what it returns is called when the receipt is let go."""


@dataclass(kw_only=True, eq=False)
class Errand:
    """What is in hand for one node, be it from a row of the outbox or from a delivery.

    ``done`` is called after each attempt; ``receipt`` is held until then, if there is one.

    Errands of one lane are carried out one after the other, those that wait in it together.
    """

    backend: BaseBackend
    node: str
    batch: PurgeBatch
    step: Step = Step.SEND
    attempts: int = 0
    endless: bool = False
    """Never given up."""
    done: Done | None = None
    receipt: Receipt | None = None

    @property
    def lane(self) -> Lane:
        """What can wait for pages being rendered must not hold up what does not."""
        step = Step.SETTLE if self.step is Step.SETTLE else Step.SEND
        return (self.backend.alias, self.node, step)

    def __str__(self) -> str:
        return place(self.backend.alias, self.node)


def place(alias: str, node: str) -> str:
    """Return how messages name a node."""
    if alias == FENCE_ALIAS:
        return "the shared cache (DUMPER_CACHE_ALIAS)"
    return alias if node == alias else f"{alias} at {node}"


def merged(errands: Sequence[Errand]) -> Errand:
    """Return one errand for errands of the same backend, node and step."""
    first = errands[0]
    if len(errands) == 1:
        return first
    builder = BatchBuilder()
    for errand in errands:
        builder.merge(errand.batch)
    attempts = max(errand.attempts for errand in errands)
    return replace(first, batch=builder.build(), attempts=attempts, done=None, receipt=None)
