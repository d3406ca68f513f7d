"""Our purge of many URLs on our VCL, against a pipelined socket on stock ``return (purge)``."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import PurgeBatch
from tests.bench.figures import Effort, Figure, faster
from tests.bench.measure import interleave
from tests.bench.pipelined import Pipe, request
from tests.bench.proxies.nodes import HOST, OURS, STOCK, both
from tests.bench.purges import Stage
from tests.varnish import TOKEN

__all__ = ["proxy_purges"]

BAR = 0.6
COUNT = 5_000
WAIT = "our VCL, waiting pass"


def proxy_purges(effort: Effort) -> Iterator[Figure]:
    """Measure both passes of a purge by URL."""
    with both(effort.many(COUNT)) as stages:
        ours, stock = stages[OURS], stages[STOCK]
        backend, batch = _backend(ours), PurgeBatch.of(ours.urls)
        subjects = {
            STOCK: stock.subject(_raw(stock)),
            OURS: ours.subject(partial(backend.send, batch, backend.nodes[0])),
            WAIT: ours.subject(partial(backend.settle, batch, backend.nodes[0])),
        }
        timings = interleave(subjects, effort.times(9))
    what = f"{len(ours.paths):,} URLs purged on one varnishd, "
    yield faster(timings, OURS, STOCK, what=f"{what}first pass", bar=BAR)
    yield faster(timings, WAIT, STOCK, what=f"{what}waiting pass")


def _backend(stage: Stage) -> VarnishBackend:
    return VarnishBackend(
        alias="bench", location=(stage.varnishd.url,), hosts=(HOST,), token=TOKEN, method="purge"
    )


def _raw(stage: Stage) -> Callable[[], object]:
    requests = b"".join(request("PURGE", path, HOST) for path in stage.paths)

    def purge() -> None:
        with closing(Pipe(stage.varnishd.port)) as pipe:
            pipe.send(requests, len(stage.paths))

    return purge
