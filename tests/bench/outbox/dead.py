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
from tests.bench.outbox.sites import Site, varnish

__all__ = ["outbox_dead_node"]

BAR = 1.1
SAVES = 1_000
SAVES_PER_ROUND = 200
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
    site: Site
    nodes: list[Node]

    def saves(self, number: int, pause: float) -> tuple[list[float], list[float]]:
        """Return the seconds until the healthy nodes were purged, and until each save returned.

        It is a process of its own, so that nothing goes on while others are measured.
        """
        first = number * (SAVES_TO_LEARN + SAVES_PER_ROUND)
        done = self.site.act(
            "reaching.apart",
            first=first,
            count=SAVES_PER_ROUND,
            pause=pause,
            slowly=SAVES_TO_LEARN,
        )
        return moments(done, self.nodes), [seconds for *_, seconds in done]


def outbox_dead_node(effort: Effort) -> Iterator[Figure]:
    """Measure three nodes with and without a dead one beside them, inline on PostgreSQL."""
    for pause in PAUSES:
        yield from _dead_node(effort.times(SAVES // SAVES_PER_ROUND), pause)


def _dead_node(rounds: int, pause: float) -> Iterator[Figure]:
    purged: dict[str, list[float]] = defaultdict(list)
    saved: dict[str, list[float]] = defaultdict(list)
    slowest: dict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        stages = {name: stack.enter_context(_stage(name)) for name in (HEALTHY, *FOURTHS)}
        for number in range(rounds):
            for name, stage in stages.items():
                reached, whole = stage.saves(number, pause)
                purged[name].append(median(reached[SAVES_TO_LEARN:]))
                saved[name].append(median(whole[SAVES_TO_LEARN:]))
                slowest[name] = max(slowest[name], *whole)
    for name in FOURTHS:
        what = f"{rounds * SAVES_PER_ROUND:,} saves, {1e3 * pause:.0f} ms apart, {HEALTHY} {name}"
        yield slower(Timings(purged), name, HEALTHY, what=f"{what}: time to purge", bar=BAR)
        yield slower(Timings(saved), name, HEALTHY, what=f"{what}: time of save()")
        yield Figure(
            what=f"{what}: slowest save()",
            against=f"{slowest[HEALTHY]:.2f} s without it",
            value=slowest[name],
            unit=" s",
        )


@contextmanager
def _stage(name: str) -> Iterator[_Stage]:
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node()).listen() for _ in range(3)]
        urls = [node.url for node in nodes]
        if name in FOURTHS:
            fourth = stack.enter_context(Node())
            FOURTHS[name](fourth)
            urls.append(fourth.url)
        site = stack.enter_context(site_on(POSTGRES, DUMPER_BACKENDS=varnish(*urls)))
        yield _Stage(site, nodes)
