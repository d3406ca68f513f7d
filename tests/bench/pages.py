"""What a request costs: a hit, a miss, a bypass."""

from collections.abc import Callable, Iterator

from tests.bench import views
from tests.bench.baseline import without_dumper
from tests.bench.figures import Effort, Figure, faster, slower
from tests.bench.measure import interleave, per_call
from tests.bench.sites import BARE, CLOCKS, DJANGO, OURS, Site, cache_in, on_cold_cache

__all__ = ["bypass", "hit", "miss"]

HIT_BAR = 1.9
HIT_AGAINST_DJANGO_BAR = 1.7
MISS_BAR = 1.3
BYPASS_BAR = 1.2
HITS_PER_ROUND, MISSES_PER_ROUND, BYPASSES_PER_ROUND = 100, 50, 50
BARE_HIT, DJANGO_HIT = "a bare middleware with a prebuilt response", "Django's cache middleware"
DJANGO_MISS = "Django's cache middleware's miss"
BARE_HANDLER = "the bare handler"
TEMPLATE, CONSTANT = "view: a template of 22 kB", "view: a constant of 22 kB"
SESSION = {"HTTP_COOKIE": "sessionid=0123456789abcdef"}


def hit(effort: Effort) -> Iterator[Figure]:
    """Measure a page-cache hit, on locmem and on Redis."""
    for cache in CLOCKS:
        with cache_in(cache):
            yield from _hit(cache, effort)


def _hit(cache: str, effort: Effort) -> Iterator[Figure]:
    path = "/constant/2026/lemon-sorbet/"
    sites = {BARE_HIT: BARE, DJANGO_HIT: DJANGO, "ours": OURS}
    getters = {name: Site(middleware).getter(path) for name, middleware in sites.items()}
    for get in getters.values():
        _check_hit(get)
    clock = CLOCKS[cache]
    subjects = {name: per_call(get, HITS_PER_ROUND, clock) for name, get in getters.items()}
    for name in (BARE_HIT, DJANGO_HIT):
        subjects[name] = without_dumper(subjects[name])
    timings = interleave(subjects, effort.times(101))
    bar = HIT_BAR if cache == "locmem" else None
    what = f"page-cache hit, {cache}"
    yield slower(timings, "ours", BARE_HIT, what=what, bar=bar)
    yield faster(timings, "ours", DJANGO_HIT, what=what, bar=HIT_AGAINST_DJANGO_BAR)


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
    for cache in CLOCKS:
        with cache_in(cache):
            yield _miss(cache, TEMPLATE, "/news", effort)
            yield _miss(cache, CONSTANT, "/constant", effort)


def _miss(cache: str, view: str, folder: str, effort: Effort) -> Figure:
    paths = [f"{folder}/2026/flavour-{number}/" for number in range(MISSES_PER_ROUND)]
    subjects = {}
    for name, middleware in {DJANGO_MISS: DJANGO, "ours": OURS}.items():
        site = Site(middleware)
        _check_hit(site.getter("/constant/2026/lemon-sorbet/"))
        subjects[name] = on_cold_cache([site.getter(path) for path in paths], CLOCKS[cache])
    subjects[DJANGO_MISS] = without_dumper(subjects[DJANGO_MISS])
    timings = interleave(subjects, effort.times(41))
    return slower(timings, "ours", DJANGO_MISS, what=f"miss, {cache}, {view}", bar=MISS_BAR)


def bypass(effort: Effort) -> Iterator[Figure]:
    """Measure requests that the middleware lets through."""
    yield _bypass(f"ignored path, {TEMPLATE}", "/admin/2026/lemon/", {}, effort, bar=BYPASS_BAR)
    yield _bypass(f"session, {TEMPLATE}", "/news/2026/lemon/", SESSION, effort, bar=BYPASS_BAR)
    yield _bypass(f"ignored path, {CONSTANT}", "/admin/constant/lemon/", {}, effort)
    yield _bypass(f"session, {CONSTANT}", "/constant/2026/lemon/", SESSION, effort)


def _bypass(
    what: str, path: str, headers: dict[str, str], effort: Effort, *, bar: float | None = None
) -> Figure:
    bare = per_call(Site().getter(path, **headers), BYPASSES_PER_ROUND)
    ours = per_call(Site(OURS).getter(path, **headers), BYPASSES_PER_ROUND)
    subjects = {BARE_HANDLER: without_dumper(bare), "ours": ours}
    timings = interleave(subjects, effort.times(101))
    return slower(timings, "ours", BARE_HANDLER, what=f"bypass, {what}", bar=bar)
