"""One batch on its way through the tiers, innermost first."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.attempt import breakers
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.followups import FollowUps
from dumper_purge.deliver.outbox.receipt import Receipt

__all__ = ["Passage"]

logger = logging.getLogger("dumper.deliver")

PATIENCE = 0.5


@dataclass
class _Tier:
    waiting: set[str]
    reached: set[str] = field(default_factory=set)
    passed: bool = False


class Passage:
    """Purge tier by tier, in each all nodes at once.

    A tier is passed when every node has answered or failed, or after half a second, and without
    nodes that were late before: the outer tiers are purged in time, and once more after a late node
    caught up. What a node that rests is owed is written down at once, without a thread.
    """

    def __init__(
        self,
        batch: PurgeBatch,
        backends: Sequence[BaseBackend],
        background: Background,
        followups: FollowUps,
        *,
        receipt: Receipt | None = None,
        end: Callable[[Receipt], None],
        log_level: int,
    ) -> None:
        self.finished = threading.Event()
        self._batch = batch
        self._backends = backends
        self._background = background
        self._followups = followups
        self._receipt = receipt
        self._end = end
        self._log_level = log_level
        self._lock = threading.Lock()
        self._tiers: list[_Tier] = []
        self._started = time.perf_counter()

    def start(self) -> None:
        """Purge the innermost tier; the rest follows from its answers."""
        if self._receipt is not None:
            self._receipt.hold()
        self._next()

    def _next(self) -> None:
        number = len(self._tiers)
        if number == len(self._backends):
            self._finish()
            return
        backend = self._backends[number]
        tier = _Tier(set(backend.nodes))
        self._tiers.append(tier)
        if number + 1 < len(self._backends):
            self._background.later(PATIENCE, partial(self._pass, tier), optional=True)
        errands = [self._errand(backend, tier, node) for node in backend.nodes]
        rests = {errand.node: breakers.rest(backend.alias, errand.node) for errand in errands}
        # Nobody waits for a node that kept failing, or that keeps others waiting already.
        tier.waiting -= {node for node, rest in rests.items() if rest is not None}
        tier.waiting -= {errand.node for errand in errands if self._background.is_stuck(errand)}
        nobody_answers = not tier.waiting
        for errand in errands:
            self._begin(errand, rests[errand.node])
        if nobody_answers:
            self._pass(tier)

    def _begin(self, errand: Errand, rest: float | None) -> None:
        if rest:
            self._followups.owe(errand, rest, f"{errand} is left alone, as it kept failing")
        else:
            self._followups.submit(errand)

    def _errand(self, backend: BaseBackend, tier: _Tier, node: str) -> Errand:
        return Errand(
            backend=backend,
            node=node,
            batch=self._batch,
            done=partial(self._answered, backend, tier, node),
            receipt=self._receipt,
        )

    def _answered(
        self, backend: BaseBackend, tier: _Tier, node: str, purged: bool
    ) -> Callable[[], None] | None:
        with self._lock:
            tier.waiting.discard(node)
            if purged:
                tier.reached.add(node)
            late, complete = tier.passed, not tier.waiting
        if late and purged:
            self._followups.late(backend, self._batch, self._receipt)
        return partial(self._pass, tier) if complete else None

    def _pass(self, tier: _Tier) -> None:
        with self._lock:
            if tier.passed:
                return
            tier.passed = True
        self._next()

    def _finish(self) -> None:
        milliseconds = (time.perf_counter() - self._started) * 1000
        if logger.isEnabledFor(self._log_level):
            message = "Purged %s on %s in %.1f ms."
            if not self._reached_all():
                message = "Purged %s on %s in %.1f ms; the rest is tried again, or kept."
            logger.log(self._log_level, message, self._batch, self._reached(), milliseconds)
        if self._receipt is not None:
            self._end(self._receipt)
        self.finished.set()

    def _reached(self) -> str:
        return ", ".join(
            f"{len(tier.reached)} of {len(backend.nodes)} nodes of {backend.alias}"
            for backend, tier in zip(self._backends, self._tiers, strict=True)
        )

    def _reached_all(self) -> bool:
        tiers = zip(self._backends, self._tiers, strict=True)
        return all(tier.reached.issuperset(backend.nodes) for backend, tier in tiers)
