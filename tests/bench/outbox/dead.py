"""What one dead node among four costs the others, and whoever saves."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from tests.bench.figures import Effort, Figure, slower
from tests.bench.measure import Timings
from tests.bench.outbox.databases import POSTGRES, site_on
from tests.bench.outbox.nodes import Node
from tests.bench.outbox.reaching import moments
from tests.bench.outbox.sites import Actor, varnish

__all__ = ["outbox_dead_node"]

BAR = 1.1
SAVES = 1_000
SAVES_PER_BURST = 50
PAUSES = (0, 0.02)
"""Seconds from one save to the next: at 0 what follows a save gets in the way of the next."""
# After so many, two seconds apart, a dead node is left alone.
SAVES_TO_LEARN = 5
HEALTHY = "three healthy nodes"
FOURTHS: dict[str, Callable[[Node], object]] = {
    "and one that refuses": lambda node: node,
    "and one that hangs": Node.hang,
}


@dataclass(frozen=True)
class _Stage:
    """A process that saves in bursts, and is idle while others are measured."""

    actor: Actor
    nodes: list[Node]

    def burst(self) -> tuple[list[float], list[float]]:
        """Return the seconds until the healthy nodes were purged, and until each save returned."""
        done = self.actor.next()
        return moments(done, self.nodes), [seconds for *_, seconds in done]


def outbox_dead_node(effort: Effort) -> Iterator[Figure]:
    """Measure three nodes with and without a dead one beside them, inline on PostgreSQL."""
    for pause in PAUSES:
        yield from _dead_node(effort.times(SAVES // SAVES_PER_BURST), pause)


def _dead_node(bursts: int, pause: float) -> Iterator[Figure]:
    purged: dict[str, list[float]] = defaultdict(list)
    saved: dict[str, list[float]] = defaultdict(list)
    slowest: dict[str, float] = {}
    with ExitStack() as stack:
        names = [HEALTHY, *FOURTHS]
        stages = {name: stack.enter_context(_stage(name, pause)) for name in names}
        for name, stage in stages.items():
            _, whole = stage.burst()
            slowest[name] = max(whole)
        for _ in range(bursts):
            for name in names:
                reached, whole = stages[name].burst()
                purged[name].append(median(reached))
                saved[name].append(median(whole))
                slowest[name] = max(slowest[name], *whole)
            names = names[1:] + names[:1]
    for name in FOURTHS:
        what = f"{bursts * SAVES_PER_BURST:,} saves, {1e3 * pause:.0f} ms apart, {HEALTHY} {name}"
        yield slower(Timings(purged), name, HEALTHY, what=f"{what}: time to purge", bar=BAR)
        yield slower(Timings(saved), name, HEALTHY, what=f"{what}: time of save()")
        yield Figure(
            what=f"{what}: slowest save()",
            against=f"{slowest[HEALTHY]:.2f} s without it",
            value=slowest[name],
            unit=" s",
        )


@contextmanager
def _stage(name: str, pause: float) -> Iterator[_Stage]:
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node()).listen() for _ in range(3)]
        urls = [node.url for node in nodes]
        if name in FOURTHS:
            fourth = stack.enter_context(Node())
            FOURTHS[name](fourth)
            urls.append(fourth.url)
        site = stack.enter_context(site_on(POSTGRES, DUMPER_BACKENDS=varnish(*urls)))
        bursts = site.acting(
            "reaching.bursts", slowly=SAVES_TO_LEARN, count=SAVES_PER_BURST, pause=pause
        )
        yield _Stage(stack.enter_context(bursts), nodes)
