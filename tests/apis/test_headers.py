"""What responses say to each cache, read as that cache reads it."""

import importlib
import inspect
import pkgutil
import string
from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.core.cache import caches
from django.utils.module_loading import import_string

from dumper_purge import backends
from dumper_purge.backends.api import ApiBackend
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.options import build
from dumper_purge.paths import EVERYTHING, path_tag, prefix_tags
from dumper_purge.respond import fence, hints
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.caches import ENTRIES, MODELS, A, B, entry
from tests.apis.pages import PATH, TAGS, page
from tests.apis.registry import SPECS

YEAR = 31_536_000
FORBIDDEN = "private, no-cache, no-store, max-age=0"
NOT_IN_FRONT = {"BaseBackend", "ApiBackend", "ProxyBackend", "DummyBackend", "LocMemBackend"}
INNERMOST = {"PageCacheBackend"}


@pytest.fixture(autouse=True)
def _site(settings):
    """Let nothing be remembered that was purged lately."""
    settings.DUMPER_TTL = YEAR
    caches["default"].clear()
    hints.forget()
    fence._unrecorded.clear()
    # All that is not yet known counts as purged lately, and is kept for so long.
    settings.DUMPER_DOUBT_TTL = YEAR


@pytest.fixture(params=ENTRIES)
def name(request):
    """Each cache by itself."""
    return request.param


def everyone():
    """Return every class of backend that stands in front of a site."""
    found = set()
    for module in pkgutil.iter_modules(backends.__path__):
        names = vars(importlib.import_module(f"dumper_purge.backends.{module.name}")).values()
        classes = {
            each for each in names if inspect.isclass(each) and issubclass(each, BaseBackend)
        }
        found |= {each.__name__ for each in classes if not each.__name__.startswith("_")}
    return found - NOT_IN_FRONT - INNERMOST


def wanted_tags(backend):
    """Return the tags by which a page must be found in a cache, as that is asked to purge them."""
    if not backend.tag_header:
        return set()
    tags = (EVERYTHING, path_tag(PATH), *prefix_tags(PATH), *TAGS)
    return {backend.spelled(tag) for tag in tags}


def same_case(name, tags):
    insensitive = name in {"cloudflare", "cloudfront"}
    return {tag.lower() if insensitive else tag for tag in tags}


def test_every_backend_has_a_model():
    """One that is new has to say here what its cache reads."""
    assert {backend.rpartition(".")[2] for backend, *_ in ENTRIES.values()} == everyone()
    assert ENTRIES.keys() == MODELS.keys()
    assert {spec.name for spec in SPECS} <= {name.partition(",")[0] for name in ENTRIES}
    apis = {
        cls.__name__
        for cls in ApiBackend.__subclasses__()
        if cls.__module__.startswith("dumper_purge.")
    }
    assert apis <= {cls.__name__ for spec in SPECS for cls in import_string(spec.backend).__mro__}


# One cache


def test_a_storable_page_has_its_ttl_and_its_tags(settings, name):
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()

    kept = MODELS[name](page(A))

    assert kept.ttl == YEAR
    assert same_case(name, wanted_tags(backend)) <= kept.tags or not backend.tag_header


@pytest.mark.parametrize("grace", [0, 60])
def test_a_grace_does_not_change_the_ttl(settings, name, grace):
    settings.DUMPER_GRACE = grace
    settings.DUMPER_BACKENDS = {name: entry(name)}

    assert MODELS[name](page(A)).ttl == YEAR


@pytest.mark.parametrize("count", [30, 45, 60, 130, 190, 1_000])
def test_many_tags_are_kept_or_coarser_ones_or_nothing_is(settings, name, count):
    """A tag that a cache cuts off would leave a page that no purge finds."""
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()
    tags = [f"shop.flavour:{number:030}" for number in range(count)]

    kept = MODELS[name](page(A, tags=tags))

    if backend.tag_header and kept.ttl:
        fine = same_case(name, map(backend.spelled, tags))
        assert fine <= kept.tags or backend.spelled("m-shop.flavour").lower() in {
            tag.lower() for tag in kept.tags
        }
        assert same_case(name, {backend.spelled(EVERYTHING)}) <= kept.tags


PRIVATE = {
    "a cookie is set": {"cookie": "b"},
    "the view says private": {"headers": {"Cache-Control": "private"}},
    "the view says no-store": {"headers": {"Cache-Control": "no-store"}},
    "the view says s-maxage, privately": {"headers": {"Cache-Control": "private, s-maxage=60"}},
    "an error": {"status": 500},
    "a redirect that depends on the cookie": {"headers": {"Vary": "Cookie"}},
    "it varies on everything": {"headers": {"Vary": "*"}},
    "credentials": {"request": {"HTTP_AUTHORIZATION": "Basic YTpi"}},
    "an unknown query": {"path": f"{PATH}?unknown=1"},
    "a path that nobody can name": {"path": "/./news/"},
}


@pytest.mark.parametrize("case", PRIVATE.values(), ids=PRIVATE)
def test_what_must_not_be_stored_is_not(settings, name, case):
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()

    headers = page(A, **case)

    assert MODELS[name](headers).ttl == 0
    assert {"private"} <= {each.strip() for each in headers["cache-control"].split(",")}
    targeted = {"surrogate-control", "cdn-cache-control", backend.ttl_header.lower()}
    assert not headers.keys() & (targeted - {"cache-control"})
    assert not headers.keys() & {(backend.tag_header or "xkey").lower(), "dumper-elapsed"}
    if "Cache-Control" not in case.get("headers", {}):
        assert headers["cache-control"] == FORBIDDEN


def test_a_page_of_a_host_that_no_cache_serves_is_not_stored(settings, name):
    settings.DUMPER_BACKENDS = {name: entry(name)}

    assert MODELS[name](page("c.example")).ttl == 0


def test_a_page_of_a_port_is_stored_only_where_a_purge_reaches_it(settings, name):
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()

    assert bool(MODELS[name](page(f"{A}:8443")).ttl) == backend.covers_ports


@pytest.mark.parametrize("vary", ["Accept-Language", "Accept-Encoding", "X-Mine", "Origin"])
def test_a_page_with_variants_is_stored_only_where_they_are_kept_apart(settings, name, vary):
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()
    honoured = backend.honoured_vary

    ttl = MODELS[name](page(A, headers={"Vary": vary})).ttl

    assert bool(ttl) == (honoured is None or vary.lower() in honoured)


def test_a_page_with_a_query_is_stored_only_where_a_purge_reaches_it(settings, name):
    settings.DUMPER_BACKENDS = {name: entry(name)}
    (backend,) = backends.configured()

    assert bool(MODELS[name](page(A, path=f"{PATH}?page=2")).ttl) == backend.covers_queries


def test_caches_that_purge_tags_by_host_do_not_cover_other_ports():
    """A prefix or a host beside the tags is purged by name: ``a.example:8443`` is another."""
    covers = {name: build(name, entry(name)).covers_ports for name in ENTRIES}

    assert not covers["cloudflare"]
    assert covers["fastly"]
    assert covers["cloudfront"]
    assert covers["varnish, xkey"]


# Beside each other


@pytest.mark.parametrize("other", ENTRIES)
def test_siblings_do_not_disturb_each_other(settings, name, other):
    settings.DUMPER_BACKENDS = {"one": entry(name, [A]), "two": entry(other, [B])}
    one, two = backends.configured()

    for host, model, backend, whose in [(A, name, one, name), (B, other, two, other)]:
        kept = MODELS[model](page(host))
        assert kept.ttl == YEAR
        assert same_case(whose, wanted_tags(backend)) <= kept.tags or not backend.tag_header


@pytest.mark.parametrize("other", ENTRIES)
def test_what_siblings_must_not_store_they_do_not(settings, name, other):
    settings.DUMPER_BACKENDS = {"one": entry(name, [A]), "two": entry(other, [B])}

    for case in PRIVATE.values():
        headers = page(A, **case)
        assert MODELS[name](headers).ttl == MODELS[other](headers).ttl == 0


def test_browsers_are_not_told_what_a_sibling_is():
    edges = [build("one", entry("fastly", [A])), build("two", entry("cloudfront", [B]))]
    outgoing = Outgoing(
        ttl=60, grace=0, doubt_ttl=5, doubtful=False, lately_purged=False, vary=frozenset(),
        has_query=False, implied_tags=(), own_tags=("a",),
    )  # fmt: skip

    at_a, at_b = (storable(edges, host, "max-age=9, must-revalidate", outgoing) for host in (A, B))

    assert at_a["Cache-Control"] == "max-age=9, must-revalidate, s-maxage=0"
    assert at_a["Surrogate-Control"] == "max-age=60"
    assert at_b["Cache-Control"] == "max-age=9, s-maxage=60"
    assert at_b["Surrogate-Control"] == "private, no-store, max-age=0"


def test_a_sibling_of_another_port_of_the_same_host_is_forbidden_to_store():
    """It may well stand in front of that port, and could not be purged there."""
    edges = [build("one", entry("varnish, xkey", [A])), build("two", entry("azure", [A]))]
    outgoing = Outgoing(
        ttl=60, grace=0, doubt_ttl=5, doubtful=False, lately_purged=False, vary=frozenset(),
        has_query=False, implied_tags=(), own_tags=("a",),
    )  # fmt: skip

    headers = storable(edges, f"{A}:8443", "max-age=9, must-revalidate", outgoing)

    assert headers["Cache-Control"] == "max-age=9, must-revalidate, private"
    assert headers["Surrogate-Control"] == "max-age=60"


@pytest.mark.parametrize("widest_first", [True, False])
def test_of_two_budgets_for_one_tag_header_the_fewer_tags_are_sent(widest_first):
    """Coarser tags are longer here, and fewer: what counts is how many a cache keeps."""
    edges = [_Shared(alias="wide"), _Few(alias="few")]
    own = tuple(string.ascii_letters + string.digits)

    sent = storable(
        edges if widest_first else edges[::-1],
        A,
        "max-age=9, must-revalidate",
        Outgoing(
            ttl=600, grace=0, doubt_ttl=5, doubtful=False, lately_purged=False, vary=frozenset(),
            has_query=False, implied_tags=(EVERYTHING,), own_tags=own,
        ),
    )  # fmt: skip

    assert len(sent["X-Tags"].split(",")) <= _Few.max_tags


@dataclass(frozen=True, kw_only=True)
class _Shared(BaseBackend):
    ttl_header: ClassVar[str] = "Cache-Control"
    tag_header: ClassVar[str] = "X-Tags"
    tag_separator: ClassVar[str] = ","


class _Few(_Shared):
    max_tags: ClassVar[int] = 60
