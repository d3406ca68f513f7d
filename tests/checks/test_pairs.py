"""Two caches in front of one site: both understand its responses, or the check says why not."""

import pytest
from django.core.cache import caches
from django.core.checks import run_checks

from dumper_purge import backends
from dumper_purge.backends.options import build
from dumper_purge.backends.pairs import conflicts
from dumper_purge.respond import fence, hints
from tests.apis.caches import ENTRIES, MODELS, A, B, entry
from tests.apis.pages import page
from tests.apis.test_headers import PRIVATE, YEAR, same_case, wanted_tags

SURROGATE = {"fastly", "nginx", "varnish, xkey", "varnish, purge"}
SEEN = [("varnish, xkey", "cloudflare"), ("varnish, purge", "cloudfront"), ("nginx", "cloudflare")]


@pytest.fixture(autouse=True)
def _site(settings):
    settings.DUMPER_TTL = YEAR
    caches["default"].clear()
    hints.forget()
    fence._unrecorded.clear()
    settings.DUMPER_DOUBT_TTL = YEAR


@pytest.fixture(params=[(inner, outer) for inner in ENTRIES for outer in ENTRIES], ids=": ".join)
def pair(request, settings):
    """Each cache inside of each, itself included."""
    inner, outer = request.param
    settings.DUMPER_BACKENDS = {"inner": entry(inner), "outer": entry(outer)}
    return request.param


def through(pair, headers):
    """Return what becomes of a response in the inner and in the outer cache."""
    inner = MODELS[pair[0]](headers)
    return inner, MODELS[pair[1]](inner.passed_on)


def understood(pair, headers):
    """Tell whether both store a response as they should, and find it by its tags."""
    return all(
        kept.ttl == YEAR
        and (not backend.tag_header or same_case(name, wanted_tags(backend)) <= kept.tags)
        for name, backend, kept in zip(
            pair, backends.configured(), through(pair, headers), strict=True
        )
    )


def found():
    return [each for each in run_checks(tags=["dumper_purge"]) if each.id == "dumper_purge.E018"]


def test_both_understand_a_response_or_the_check_says_why_not(pair):
    messages = found()

    if understood(pair, page(A)):
        return
    assert messages
    for message in messages:
        assert "'inner'" in message.msg
        assert "'outer'" in message.msg
        assert message.hint


def test_neither_stores_what_must_not_be_stored(pair):
    for case in PRIVATE.values():
        inner, outer = through(pair, page(A, **case))
        assert (inner.ttl, outer.ttl) == (0, 0)


def test_neither_stores_what_only_the_other_one_can_purge(pair):
    """A page with a query, or with variants, is stored where both are kept apart and purged."""
    if found():
        return
    cases = [("a query", page(A, path="/news/?page=2")), ("variants", varying())]
    for case, headers in cases:
        for backend, kept in zip(backends.configured(), through(pair, headers), strict=True):
            vary = backend.honoured_vary
            fit = backend.covers_queries if case == "a query" else vary is None or "a-b" in vary
            assert fit or kept.ttl == 0


def varying():
    return page(A, headers={"Vary": "A-B"})


@pytest.mark.parametrize("pair", SEEN, indirect=True, ids=": ".join)
def test_the_usual_pairs_are_possible(pair):
    assert found() == []
    assert understood(pair, page(A))


@pytest.mark.parametrize("inner", sorted(SURROGATE))
@pytest.mark.parametrize("outer", sorted(SURROGATE))
def test_a_header_is_not_removed_on_its_way_to_the_next_cache(settings, inner, outer):
    settings.DUMPER_BACKENDS = {"inner": entry(inner), "outer": entry(outer)}

    messages = [message.msg for message in found()]

    assert messages[0] == (
        "DUMPER_BACKENDS: 'inner' removes Surrogate-Control from responses, and 'outer', which"
        " stands outside of it, reads that header."
    )


def test_a_remedy_helps(settings):
    """Fastly outside of Varnish may go by Cache-Control."""
    settings.DUMPER_BACKENDS = {
        "inner": entry("varnish, xkey"),
        "outer": entry("fastly, Cache-Control"),
    }

    assert found() == []
    assert understood(("varnish, xkey", "fastly, Cache-Control"), page(A))


def test_a_field_that_the_other_one_goes_by_is_a_conflict():
    """Squid takes a page with Surrogate-Control, which the other one reads, for stale."""
    inner, outer = build("inner", entry("squid")), build("outer", generic())

    (message,) = conflicts([outer, inner])

    assert message == (
        "DUMPER_BACKENDS: 'inner' goes by Surrogate-Control, which tells 'outer' how long it may"
        " keep a page."
    )


def generic(**options):
    return entry("generic", **{"ttl_field": "Surrogate-Control", **options})


def test_one_header_of_tags_with_two_separators_is_a_conflict():
    inner, outer = build("inner", entry("generic")), build("outer", entry("cloudflare"))

    (message,) = conflicts([inner, outer])

    assert message == (
        "DUMPER_BACKENDS: 'inner' and 'outer' both read Cache-Tag, but not with the same name,"
        " separator and characters."
    )


def test_a_header_of_tags_in_two_spellings_is_one_header():
    """Of two assignments to one header the last would win."""
    inner = build("inner", entry("cloudfront", tag_header="cache-tag"))
    outer = build("outer", entry("google"))

    (message,) = conflicts([inner, outer])

    assert "both read cache-tag" in message


def test_one_field_with_two_ways_to_say_a_lifetime_is_a_conflict():
    inner = build("inner", generic(ttl_field="Edge-Control"))
    outer = build("outer", entry("akamai"))

    (message,) = conflicts([inner, outer])

    assert message == (
        "DUMPER_BACKENDS: 'inner' and 'outer' both read Edge-Control, but not with the same words."
    )


def test_caches_of_different_hosts_are_no_pair(settings):
    settings.DUMPER_BACKENDS = {"one": entry("varnish, xkey"), "two": entry("fastly", [B])}

    assert found() == []


def test_a_page_cache_inside_of_any_is_possible(settings):
    page_cache = {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"}
    for name in ENTRIES:
        settings.DUMPER_BACKENDS = {"page": page_cache, "edge": entry(name)}

        assert found() == []
        assert MODELS[name](page(A, path=f"/{name.partition(',')[0]}/")).ttl == YEAR


def test_three_tiers_are_three_pairs(settings):
    settings.DUMPER_BACKENDS = {
        "a": entry("varnish, xkey"),
        "b": entry("cloudflare"),
        "c": entry("nginx"),
    }

    assert [("'a'" in each.msg, "'c'" in each.msg) for each in found()] == [(True, True)]
