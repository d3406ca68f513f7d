"""What is purged covers what was asked, whatever an API can do, and is as narrow as it can be."""

from dataclasses import replace
from itertools import product, starmap

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dumper_purge.backends.api.planning import planned
from dumper_purge.backends.api.remainder import behind, carries_out
from dumper_purge.batch import PurgeBatch
from dumper_purge.paths import EVERYTHING, path_tag, prefix_tag
from tests.apis.made import OPTIONAL, Page, backend, covers, is_stored, purges

HOSTS = ["a.example", "b.example", "c.example", "a.example:8443"]
PATHS = ["/", "/a/", "/a/b/", "/a/b/c/d/e/f/", "/a/b/c/d/x", "/news/", "/news/2024/x/", "/new"]
PREFIXES = ["/a/", "/a/b/c/d/", "/a/b/c/d/e", "/n", "/news/20", "/news/", "/a/b/c/d/e/"]
PATTERNS = ["/news/[0-9]+/.*", ".*", "/a/b/c/d/e/.*", "news.*|/a/", "x/y", "/a/b/c/d/[ex].*"]
TAGS = ["menu", "Menu", "shop.flavour:5"]
URLS = [f"https://{host}{path}" for host in HOSTS for path in PATHS[:4]]


def some(values):
    return st.frozensets(st.sampled_from(values), max_size=3)


batches = st.builds(
    PurgeBatch,
    paths=some(PATHS),
    urls=some(URLS),
    prefixes=some(PREFIXES) | st.just(frozenset()),
    patterns=some(PATTERNS) | st.just(frozenset()),
    tags=some(TAGS) | st.just(frozenset()),
    everything=st.sampled_from([False, False, False, True]),
)
OWN = [frozenset(), frozenset({"menu"}), frozenset({"Menu", "shop.flavour:5"})]
PAGES = list(starmap(Page, product(["http", "https"], HOSTS, PATHS, ["", "page=2"], OWN)))


@st.composite
def backends(draw):
    able = draw(st.sets(st.sampled_from(OPTIONAL)))
    tags = draw(st.booleans())
    # What has no tags must be able to purge URLs, as every cache is.
    able |= {"purge_tags"} if tags else {"purge_urls"}
    method = draw(st.sampled_from(["tag", "url"])) if "purge_urls" in able else "tag"
    soft = draw(st.booleans())
    try:
        return backend(
            tuple(sorted(able)),
            hosts=draw(st.sampled_from([(), ("a.example",), ("a.example", "b.example")])),
            tag_field="Tags" if tags else None,
            by_path=draw(st.booleans()),
            covers_query=draw(st.booleans()),
            prefixes_are_folders=draw(st.booleans()),
            soft_is_possible=True,
            method=method,
            soft=soft,
            allow_everything=draw(st.booleans()),
            max_items=draw(st.sampled_from([1, 4, 10_000])),
            schemes=draw(st.sampled_from([("https",), ("http", "https")])),
        )
    except ImproperlyConfigured:
        assume(False)


def stored_pages(backend, batch):
    """Return all pages that a batch is about, and that the cache may have stored."""
    return [page for page in PAGES if covers(batch, page) and is_stored(backend, page)]


# Never less


@settings(max_examples=500, deadline=None)
@given(backends(), batches)
def test_every_stored_page_of_a_batch_is_purged_or_said_not_to_be(backend, batch):
    plan = planned(backend, batch)

    for page in stored_pages(backend, batch):
        purged = any(purges(backend, item, page) for item in plan.items)
        assert purged or covers(plan.impossible, page)


@settings(max_examples=500, deadline=None)
@given(backends(), batches, st.data())
def test_what_is_left_covers_all_that_was_not_sent(backend, batch, data):
    plan = planned(backend, batch)
    sent = {item for item in plan.items if data.draw(st.booleans())}

    left = behind(backend, batch, sent) | plan.impossible

    assert left - batch == PurgeBatch()
    again = planned(backend, left)
    for page in stored_pages(backend, batch):
        purged = any(purges(backend, item, page) for item in [*sent, *again.items])
        assert purged or covers(again.impossible, page)


@settings(max_examples=500, deadline=None)
@given(backends(), batches)
def test_what_is_impossible_is_said_of_as_little_as_can_be(backend, batch):
    plan = planned(backend, batch)

    for single in replace(plan.impossible, everything=False).singles():
        assert not planned(backend, single).items
    if plan.impossible and not batch.everything:
        assert not (backend.allow_everything and _everything(backend))


@settings(max_examples=500, deadline=None)
@given(backends(), batches)
def test_all_sent_leaves_nothing_and_nothing_sent_leaves_all(backend, batch):
    plan = planned(backend, batch)

    assert behind(backend, batch, plan.items.keys()) == PurgeBatch()
    asked = PurgeBatch()
    for single in batch.singles():
        asked |= single if planned(backend, single).items else PurgeBatch()
    assert behind(backend, batch, set()) == asked
    assert carries_out(backend, batch, plan.items.keys()) == bool(plan.items)


@settings(max_examples=500, deadline=None)
@given(backends(), batches)
def test_everything_is_purged_only_where_nothing_narrower_is_possible(backend, batch):
    found = planned(backend, batch).items.keys()
    exact = planned(replace(backend, allow_everything=False, max_items=10_000), batch)

    if found and not batch.everything and found == _everything(backend):
        too_many = len(exact.items) > backend.max_items
        assert backend.allow_everything or found == exact.items.keys()
        assert exact.impossible or too_many or found == exact.items.keys()


def _everything(backend):
    return planned(backend, PurgeBatch(everything=True)).items.keys()


# As narrow as can be

TAGGED = {"tag_field": "Tags"}
BY_URL = {"able": ("purge_urls",)}
PREFIXED = {"able": ("purge_urls", "purge_prefixes", "purge_everything")}
NEWS = frozenset({"/news/"})


def asked(batch, **options):
    plan = planned(backend(**options), batch)
    assert not plan.impossible
    return [tuple(item) for item in plan.items]


def test_a_path_is_a_tag_where_there_are_tags():
    assert asked(PurgeBatch(paths=NEWS), **TAGGED) == [("purge_tags", path_tag("/news/"))]


def test_a_path_is_its_url_on_each_host_otherwise():
    assert asked(PurgeBatch(paths=NEWS), **BY_URL) == [
        ("purge_urls", "https://a.example/news/"),
        ("purge_urls", "https://b.example/news/"),
    ]


def test_each_scheme_is_a_url_where_the_cache_keeps_two():
    batch = PurgeBatch(urls=frozenset({"http://a.example/news/"}))

    assert asked(batch, schemes=("http", "https"), **BY_URL) == [
        ("purge_urls", "http://a.example/news/"),
        ("purge_urls", "https://a.example/news/"),
    ]


def test_the_urls_of_one_path_stand_together():
    """So that the first of many calls carry out whole paths."""
    batch = PurgeBatch(paths=frozenset({"/x/", "/y/"}))

    urls = [name for _, name in asked(batch, **BY_URL)]

    assert [url.removeprefix("https://") for url in urls] == [
        "a.example/x/", "b.example/x/", "a.example/y/", "b.example/y/"
    ]  # fmt: skip


def test_a_url_of_another_host_is_nothing():
    batch = PurgeBatch(urls=frozenset({"https://c.example/news/"}))

    assert asked(batch, **BY_URL) == []
    assert asked(batch, by_path=True, **BY_URL) == []


def test_a_path_stays_a_path_where_urls_are_purged_by_path():
    assert asked(PurgeBatch(paths=NEWS), by_path=True, **BY_URL) == [("purge_urls", "/news/")]


def test_a_folder_is_a_tag():
    assert asked(PurgeBatch(prefixes=NEWS), **TAGGED) == [
        ("purge_tags", tag) for tag in sorted([prefix_tag("/news/"), path_tag("/news/")])
    ]


def test_a_prefix_within_a_folder_is_purged_by_itself_where_that_is_possible():
    batch = PurgeBatch(prefixes=frozenset({"/news/20"}))

    assert asked(batch, by_path=True, **TAGGED) == [("purge_prefixes", "/news/20")]
    assert asked(batch, **TAGGED, able=("purge_tags",)) == [
        ("purge_tags", tag) for tag in sorted([prefix_tag("/news/"), path_tag("/news/20")])
    ]


def test_a_prefix_is_cut_to_its_folder_where_prefixes_are_folders():
    batch = PurgeBatch(prefixes=frozenset({"/news/20"}))

    found = asked(batch, hosts=("a.example",), prefixes_are_folders=True, **PREFIXED)

    assert found == [("purge_prefixes", "https://a.example/news/")]


def test_a_pattern_is_the_prefix_of_all_its_matches():
    batch = PurgeBatch(patterns=frozenset({"/news/[0-9]+/"}))

    assert asked(batch, by_path=True, **PREFIXED) == [("purge_prefixes", "/news/")]


def test_a_pattern_that_begins_with_no_path_is_no_prefix_of_a_host():
    batch = PurgeBatch(patterns=frozenset({r"\.evil\.example/.*"}))

    assert asked(batch, **PREFIXED) == [("purge_everything", "")]


def test_what_has_no_prefix_is_everything():
    batch = PurgeBatch(prefixes=frozenset({"/n"}), paths=NEWS)

    assert asked(batch, able=("purge_urls", "purge_everything")) == [("purge_everything", "")]


def test_what_cannot_be_everything_loses_nothing_that_is_possible():
    batch = PurgeBatch(prefixes=frozenset({"/n"}), paths=NEWS)

    plan = planned(backend(**BY_URL), batch)

    assert [name for _, name in plan.items] == [
        "https://a.example/news/",
        "https://b.example/news/",
    ]
    assert plan.impossible == PurgeBatch(prefixes=frozenset({"/n"}))


def test_too_many_are_everything_unless_that_is_impossible():
    batch = PurgeBatch(paths=frozenset(f"/{number}/" for number in range(6)))

    assert asked(batch, max_items=10, able=("purge_urls", "purge_everything")) == [
        ("purge_everything", "")
    ]
    assert len(asked(batch, max_items=10, **BY_URL)) == 12
    assert len(asked(batch, max_items=10, allow_everything=False)) == 12


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"hosts": ()} | TAGGED, [("purge_everything", "")]),
        (TAGGED, [("purge_hosts", "a.example"), ("purge_hosts", "b.example")]),
        (TAGGED | {"able": ("purge_tags", "purge_everything")}, [("purge_tags", EVERYTHING)]),
        (TAGGED | {"able": ("purge_tags",), "hosts": ()}, [("purge_tags", EVERYTHING)]),
        ({"able": ("purge_urls", "purge_everything")}, [("purge_everything", "")]),
    ],
)
def test_everything_is_no_more_than_what_is_ours(options, expected):
    assert asked(PurgeBatch(everything=True), **options) == expected


def test_a_soft_purge_of_everything_is_of_its_tag():
    """On Fastly ``purge_all`` is never soft."""
    options = TAGGED | {"able": ("purge_tags", "purge_everything"), "hosts": ()}

    found = asked(PurgeBatch(everything=True), soft_is_possible=True, soft=True, **options)

    assert found == [("purge_tags", EVERYTHING)]


def test_an_empty_batch_is_nothing():
    assert asked(PurgeBatch()) == []
