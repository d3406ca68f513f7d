"""How fast one worker empties the outbox, on PostgreSQL and to two real varnishd."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from tests.bench.figures import AT_LEAST, Effort, Figure
from tests.bench.origin import origin
from tests.bench.outbox.databases import POSTGRES, site_on
from tests.bench.outbox.sites import HOST, redis_cache, varnish
from tests.bench.pipelined import Pipe
from tests.bench.redis import redis_server
from tests.varnish import Varnishd, example_vcl

__all__ = ["outbox_worker"]

ENTRIES = 20_000
BAR = 2_000
METHODS = ("purge", "xkey")
PATIENCE = 120
_EVERY = 20


def outbox_worker(effort: Effort) -> Iterator[Figure]:
    """Measure a worker that has all entries to purge at once, one path in each."""
    count = effort.many(ENTRIES)
    for method in METHODS:
        seconds = _seconds(method, count)
        yield Figure(
            what=f"entries that one worker takes to two varnishd, {method}",
            against="PostgreSQL",
            value=count / seconds["sent"],
            sense=AT_LEAST,
            bar=BAR,
            unit="/s",
            detail=f"{count:,} in {seconds['sent']:.1f} s, no row left after"
            f" {seconds['closed']:.1f} s, what follows a purge included",
        )


def _seconds(method: str, count: int) -> dict[str, float]:
    with ExitStack() as stack:
        vcl = example_vcl(stack.enter_context(origin()))
        varnishds = [stack.enter_context(Varnishd(vcl)) for _ in range(2)]
        site = stack.enter_context(
            site_on(
                POSTGRES,
                CACHES=redis_cache(stack.enter_context(redis_server())),
                DUMPER_BACKENDS=varnish(*(each.url for each in varnishds), method=method),
                DUMPER_ENGINE="worker",
                DUMPER_BACKLOG_LIMIT=10 * count,
            )
        )
        stack.enter_context(site.worker())
        site.act("rows.entered", count=10, patience=PATIENCE)
        paths = [f"/cones/{number}/" for number in range(0, count, _EVERY)]
        stored = _renderings(varnishds, paths)
        seconds: dict[str, float] = site.act("rows.entered", count=count, patience=PATIENCE)
        kept = stored & _renderings(varnishds, paths)
    if kept:
        raise AssertionError(f"{len(kept)} pages of {len(stored)} were not purged.")
    return seconds


def _renderings(varnishds: Sequence[Varnishd], paths: Sequence[str]) -> set[int]:
    found: set[int] = set()
    for varnishd in varnishds:
        with closing(Pipe(varnishd.port)) as pages:
            found.update(pages.renderings(paths, HOST))
    return found
