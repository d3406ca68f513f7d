"""How soon every node is purged: by the process that has committed, and by a worker."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from tests.bench.figures import Effort, Figure
from tests.bench.outbox.databases import POSTGRES, site_on
from tests.bench.outbox.nodes import Node
from tests.bench.outbox.saving import DUMMY
from tests.bench.outbox.sites import redis_cache, varnish
from tests.bench.redis import redis_server
from tests.varnish import Varnishd

__all__ = ["moments", "outbox_reach"]

INLINE_BAR, WORKER_BAR = 15, 100
METHODS = ("purge", "xkey")
SAVES = 100
PAUSE = 0.15
PLAIN = "the same save, DummyBackend"


def outbox_reach(effort: Effort) -> Iterator[Figure]:
    """Measure the time from a commit until two healthy nodes have purged one path."""
    yield from _inline(effort)
    yield _by_worker(effort)


def _inline(effort: Effort) -> Iterator[Figure]:
    with Varnishd() as one, Varnishd() as other, site_on(POSTGRES) as site:
        # Each save waits for the end of the last, which is not to be that of its second purge.
        backends = {
            method: varnish(one.url, other.url, method=method, repeat_after=0) for method in METHODS
        }
        seconds = site.act(
            "reaching.alone", backends={PLAIN: DUMMY, **backends}, rounds=effort.times(10)
        )
    plain = median(seconds[PLAIN])
    for method in METHODS:
        ours = median(seconds[method])
        yield Figure(
            what=f"commit to purged on two varnishd, inline, {method}",
            against=PLAIN,
            value=1e3 * (ours - plain),
            bar=INLINE_BAR,
            unit=" ms",
            detail=f"{1e3 * ours:.1f} ms - {1e3 * plain:.1f} ms, {len(seconds[method])} saves",
        )


def _by_worker(effort: Effort) -> Figure:
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node()).listen() for _ in range(2)]
        site = stack.enter_context(
            site_on(
                POSTGRES,
                CACHES=redis_cache(stack.enter_context(redis_server())),
                DUMPER_BACKENDS=varnish(*(node.url for node in nodes)),
                DUMPER_ENGINE="worker",
            )
        )
        stack.enter_context(site.worker())
        site.act("reaching.apart", first=0, count=5, pause=1)
        saves = site.act("reaching.apart", first=5, count=effort.many(SAVES), pause=PAUSE)
    seconds = moments(saves, nodes)
    return Figure(
        what="commit to purged on two nodes, a worker on PostgreSQL",
        against="COMMIT included",
        value=1e3 * median(seconds),
        bar=WORKER_BAR,
        unit=" ms",
        detail=f"slowest {1e3 * max(seconds):.1f} ms, {len(seconds)} saves",
    )


def moments(saves: Sequence[Any], nodes: Sequence[Node]) -> list[float]:
    """Return the seconds from before each COMMIT until the last of the nodes was told."""
    return [max(node.purged[path] for node in nodes) - begun for path, begun, _ in saves]
