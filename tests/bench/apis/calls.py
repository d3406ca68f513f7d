"""The calls of our backends, and of Wagtail's for Cloudflare, for the same pages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

import requests
from wagtail.contrib.frontend_cache.backends import CloudflareBackend as WagtailBackend

from dumper_purge.backends.api import ApiBackend
from dumper_purge.backends.options import build
from dumper_purge.batch import PurgeBatch
from tests.bench.apis.vendor import SECONDS_PER_CALL, Vendor, vendor
from tests.bench.figures import Effort, Figure

__all__ = ["api_calls"]

COUNT = 10_000
HOST = "shop.example"
BAR = 1.5
ROUNDS = 5
ZONE = "0" * 32
FIXED = "https://api.cloudflare.com/client/v4"
PATHS = [f"/flavours/{number}/lemon-sorbet/" for number in range(COUNT)]
BATCH = PurgeBatch(paths=frozenset(PATHS))
KEYCDN = {"method": "DELETE", "path": "/zones/purgetag/1.json", "json": {"tags": "{items}"}}
AKAMAI = {"client_token": "c", "client_secret": "s", "access_token": "a", "max_items": COUNT}
CLOUDFLARE = {"zone_id": ZONE, "token": "t", "plan": "enterprise"}


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A backend, and the fewest calls in which its vendor takes 10,000 pages of one host."""

    backend: str
    options: Mapping[str, Any]
    fewest: int
    per_call: str
    package: str = "requests"


SUBJECTS = {
    "Fastly, tags": _Subject(
        backend="fastly.FastlyBackend",
        options={"service_id": "SU1Z", "token": "t"},
        fewest=40,
        per_call="256 keys",
    ),
    "Cloudflare, tags": _Subject(
        backend="cloudflare.CloudflareBackend",
        options=CLOUDFLARE,
        fewest=100,
        per_call="100 tags",
    ),
    "Cloudflare, URLs": _Subject(
        backend="cloudflare.CloudflareBackend",
        options=CLOUDFLARE | {"method": "url", "schemes": ["https"]},
        fewest=100,
        per_call="100 URLs",
    ),
    "Akamai, tags": _Subject(
        backend="akamai.AkamaiBackend",
        options=AKAMAI,
        fewest=20,
        per_call="500 tags",
        package="akamai",
    ),
    "KeyCDN by GenericHTTPBackend, tags": _Subject(
        backend="generic.GenericHTTPBackend",
        options={
            "operations": {"tags": {**KEYCDN, "items": 100}},
            "secret_headers": {"Authorization": "Basic dDo="},
            "tag_field": "Cache-Tag",
        },
        fewest=100,
        per_call="100 tags",
    ),
}


def api_calls(effort: Effort) -> Iterator[Figure]:
    """Measure 10,000 dirty paths against a local server that takes 50 ms for a call."""
    rounds = effort.times(ROUNDS)
    with vendor() as server:
        for name, subject in SUBJECTS.items():
            if find_spec(subject.package) is not None:
                yield from _figures(name, subject, server, rounds)
        yield _wagtail(server)


def _figures(name: str, subject: _Subject, server: Vendor, rounds: int) -> Iterator[Figure]:
    backend = _built(subject, server)
    what = f"{COUNT:,} dirty paths, {name}: "
    seconds = [_timed(lambda: backend.send(BATCH, "bench")) for _ in range(rounds + 1)]
    calls = server.calls() // (rounds + 1)
    yield Figure(
        what=f"{what}calls",
        against=f"the vendor takes {subject.per_call} in a call",
        value=calls,
        bar=subject.fewest,
        unit="",
        exact=True,
    )
    # The first round opens the connections.
    taken = median(seconds[1:])
    least = subject.fewest * SECONDS_PER_CALL / backend.concurrency
    yield Figure(
        what=f"{what}time",
        against=f"{subject.fewest} calls x 50 ms / {backend.concurrency} at once",
        value=taken / least,
        bar=BAR,
        detail=f"{1e3 * taken:.0f} ms : {1e3 * least:.0f} ms, {rounds} rounds,"
        f" fastest {1e3 * min(seconds[1:]):.0f} ms",
    )


def _built(subject: _Subject, server: Vendor) -> ApiBackend:
    options = {"base_url": server.url, **subject.options}
    dotted = f"dumper_purge.backends.{subject.backend}"
    backend = build("bench", {"BACKEND": dotted, "HOSTS": [HOST], "OPTIONS": options})
    assert isinstance(backend, ApiBackend)
    return backend


def _timed(act: Callable[[], object]) -> float:
    started = perf_counter()
    act()
    return perf_counter() - started


def _wagtail(server: Vendor) -> Figure:
    """Its address is fixed in its code, so that requests.post() is replaced to go elsewhere."""
    backend = WagtailBackend({"ZONEID": ZONE, "BEARER_TOKEN": "t"})
    post = requests.post

    def redirected(url: str, **options: Any) -> requests.Response:
        return post(url.replace(FIXED, server.url), **options)

    with mock.patch("requests.post", redirected):
        seconds = _timed(lambda: backend.purge_batch([f"https://{HOST}{path}" for path in PATHS]))
    return Figure(
        what=f"{COUNT:,} URLs, Wagtail's CloudflareBackend: time",
        against="one round, nothing of ours; its fixed address patched to the same server",
        value=seconds,
        unit=" s",
        detail=f"{server.calls()} calls of {backend.CHUNK_SIZE}, one after the other",
    )
