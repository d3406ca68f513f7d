"""How fast pages are purged from one real varnishd."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Literal

from wagtail.contrib.frontend_cache.backends import HTTPBackend

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import PurgeBatch
from tests.bench.figures import Effort, Figure, faster
from tests.bench.measure import Subject, interleave
from tests.bench.origin import origin
from tests.bench.pipelined import Pipe, request
from tests.varnish import TOKEN, Varnishd, example_vcl

__all__ = ["varnish"]

COUNT = 5_000
HOST = "shop.example"
RAW_BAR, WAGTAIL_BAR, XKEY_BAR = 0.6, 7, 5
RAW, WAGTAIL = "a raw pipelined socket", "Wagtail's HTTPBackend"
PURGE, WAIT, XKEY = "ours, purge", "ours, waiting pass", "ours, xkey"
# Wagtail's backend cannot send a token, so that here nobody needs one.
TOKEN_FOR_ALL = f"""
sub vcl_recv {{
    if (req.method == "PURGE") {{ set req.http.Dumper-Token = "{TOKEN}"; }}
}}
"""


@dataclass(frozen=True)
class Stage:
    """A varnishd in front of an origin, and the pages that it holds."""

    varnishd: Varnishd
    pages: Pipe
    paths: Sequence[str]

    @property
    def urls(self) -> list[str]:
        """The absolute URLs of the pages."""
        return [f"http://{HOST}{path}" for path in self.paths]

    def subject(self, purge: Callable[[], object]) -> Subject:
        """Return a subject that purges every page; fail where one was not stored or not purged."""
        return partial(self._purge, purge)

    def _purge(self, purge: Callable[[], object]) -> float:
        stored = self.pages.renderings(self.paths, HOST)
        if self.pages.renderings(self.paths, HOST) != stored:
            raise AssertionError("Some pages were not stored.")
        started = perf_counter()
        purge()
        seconds = perf_counter() - started
        kept = set(stored).intersection(self.pages.renderings(self.paths, HOST))
        if kept:
            raise AssertionError(f"{len(kept)} pages of {len(stored)} were not purged.")
        return seconds / len(self.paths)


def varnish(effort: Effort) -> Iterator[Figure]:
    """Measure the first pass of a purge by URL and by tag, and the waiting pass."""
    with _stage(effort.many(COUNT)) as stage:
        subjects = {
            RAW: _raw(stage),
            PURGE: _ours(stage, "purge"),
            XKEY: _ours(stage, "xkey"),
            WAGTAIL: _wagtail(stage),
            WAIT: _settling(stage),
        }
        rounds = {name: stage.subject(purge) for name, purge in subjects.items()}
        timings = interleave(rounds, effort.times(7))
    what = f"{len(stage.paths):,} URLs purged on one varnishd, "
    yield faster(timings, PURGE, RAW, what=f"{what}first pass", bar=RAW_BAR)
    yield faster(timings, PURGE, WAGTAIL, what=f"{what}first pass", bar=WAGTAIL_BAR)
    yield faster(timings, WAIT, RAW, what=f"{what}waiting pass")
    yield faster(timings, XKEY, RAW, what=f"{what}by xkey", bar=XKEY_BAR)


@contextmanager
def _stage(count: int) -> Iterator[Stage]:
    paths = [f"/flavours/{number}/lemon-sorbet/" for number in range(count)]
    with origin() as port:
        vcl = example_vcl(port).replace('include "', f'{TOKEN_FOR_ALL}\ninclude "', 1)
        with Varnishd(vcl) as varnishd, closing(Pipe(varnishd.port)) as pages:
            yield Stage(varnishd, pages, paths)


def _raw(stage: Stage) -> Callable[[], object]:
    requests = b"".join(request("PURGE", path, HOST, Dumper_Token=TOKEN) for path in stage.paths)

    def purge() -> None:
        with closing(Pipe(stage.varnishd.port)) as pipe:
            pipe.send(requests, len(stage.paths))

    return purge


def _wagtail(stage: Stage) -> Callable[[], object]:
    backend = HTTPBackend({"LOCATION": stage.varnishd.url})
    return partial(backend.purge_batch, stage.urls)


def _backend(stage: Stage, method: Literal["purge", "xkey"]) -> VarnishBackend:
    return VarnishBackend(
        alias="bench", location=(stage.varnishd.url,), hosts=(HOST,), token=TOKEN, method=method
    )


def _ours(stage: Stage, method: Literal["purge", "xkey"]) -> Callable[[], object]:
    backend, batch = _backend(stage, method), PurgeBatch.of(stage.urls)
    return partial(backend.send, batch, backend.nodes[0])


def _settling(stage: Stage) -> Callable[[], object]:
    backend, batch = _backend(stage, "purge"), PurgeBatch.of(stage.urls)
    return partial(backend.settle, batch, backend.nodes[0])
