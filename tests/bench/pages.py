"""What a request costs: a hit, a miss, a bypass."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.bench import views
from tests.bench.figures import Effort, Figure, faster, slower
from tests.bench.measure import interleave, per_call
from tests.bench.sites import BARE, CACHE_NAMES, DJANGO, OURS, Site, cache_in, on_cold_cache

__all__ = ["bypass", "hit", "miss"]

HIT_BAR = 1.9
HIT_AGAINST_DJANGO_BAR = 1.7
MISS_BAR = 1.3
BYPASS_BAR = 1.2


def hit(effort: Effort) -> Iterator[Figure]:
    """Measure a page-cache hit, on locmem and on Redis."""
    for cache in CACHE_NAMES:
        with cache_in(cache):
            yield from _hit(cache, effort)


def _hit(cache: str, effort: Effort) -> Iterator[Figure]:
    path = "/constant/2026/lemon-sorbet/"
    getters = {
        "a bare middleware with a prebuilt response": Site(BARE).getter(path),
        "Django's cache middleware": Site(DJANGO).getter(path),
        "ours": Site(OURS).getter(path),
    }
    for get in getters.values():
        _check_hit(get)
    subjects = {name: per_call(get, effort.many(100)) for name, get in getters.items()}
    timings = interleave(subjects, effort.times(101))
    bare, django, ours = getters
    bar = HIT_BAR if cache == "locmem" else None
    yield slower(timings, ours, bare, what=f"page-cache hit, {cache}", bar=bar)
    yield faster(timings, ours, django, what=f"page-cache hit, {cache}", bar=HIT_AGAINST_DJANGO_BAR)


def _check_hit(get: Callable[[], bytes]) -> None:
    """Fail where the second request reaches the view."""
    expected = get()
    body, views.CONSTANT = views.CONSTANT, b"The view ran."
    try:
        if get() != expected or len(expected) < 20_000:
            raise AssertionError("The page was not stored.")
    finally:
        views.CONSTANT = body


def miss(effort: Effort) -> Iterator[Figure]:
    """Measure misses that are stored, for a rendered page and for a view that does nothing."""
    for cache in CACHE_NAMES:
        with cache_in(cache):
            yield _miss(cache, "a template of 22 kB", "/news", effort, bar=MISS_BAR)
            yield _miss(cache, "a constant of 22 kB", "/constant", effort)


def _miss(
    cache: str, page: str, folder: str, effort: Effort, *, bar: float | None = None
) -> Figure:
    paths = [f"{folder}/2026/flavour-{number}/" for number in range(effort.many(50))]
    subjects = {}
    for name, middleware in {"Django's cache middleware's miss": DJANGO, "ours": OURS}.items():
        site = Site(middleware)
        _check_hit(site.getter("/constant/2026/lemon-sorbet/"))
        subjects[name] = on_cold_cache([site.getter(path) for path in paths])
    timings = interleave(subjects, effort.times(41))
    django, ours = subjects
    return slower(timings, ours, django, what=f"miss, {cache}, {page}", bar=bar)


def bypass(effort: Effort) -> Iterator[Figure]:
    """Measure requests that the middleware lets through."""
    cookie = {"HTTP_COOKIE": "sessionid=0123456789abcdef"}
    rendered, constant = "a template of 22 kB", "a constant of 22 kB"
    yield _bypass(f"ignored path, {rendered}", "/admin/2026/lemon/", {}, effort, bar=BYPASS_BAR)
    yield _bypass(f"session, {rendered}", "/news/2026/lemon/", cookie, effort, bar=BYPASS_BAR)
    yield _bypass(f"ignored path, {constant}", "/admin/constant/lemon/", {}, effort)
    yield _bypass(f"session, {constant}", "/constant/2026/lemon/", cookie, effort)


def _bypass(
    what: str, path: str, headers: dict[str, Any], effort: Effort, *, bar: float | None = None
) -> Figure:
    getters = {
        "the bare handler": Site().getter(path, **headers),
        "ours": Site(OURS).getter(path, **headers),
    }
    subjects = {name: per_call(get, effort.many(50)) for name, get in getters.items()}
    timings = interleave(subjects, effort.times(101))
    return slower(timings, "ours", "the bare handler", what=f"bypass, {what}", bar=bar)
