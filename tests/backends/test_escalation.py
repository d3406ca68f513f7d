"""More is purged where a cache cannot purge exactly what was asked; never less."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumper_purge.backends.escalation import (
    is_folder,
    joined,
    pattern_regex,
    places,
    regexes_by_host,
)
from dumper_purge.batch import PurgeBatch
from dumper_purge.paths import encode_path, prefix_tag, prefix_tags

PATHS = st.text(st.characters(codec="utf-8"), max_size=30).map(
    lambda t: encode_path("/" + t.lstrip("/"))
)


def test_paths_stand_on_every_host_and_urls_on_their_own():
    batch = PurgeBatch.of(["/a/", "https://x.example/b/", "https://other.example/c/"])

    assert set(places(batch, ["x.example", "y.example"])) == {
        ("x.example", "/a/"),
        ("y.example", "/a/"),
        ("x.example", "/b/"),
    }


def test_a_url_of_a_path_that_is_purged_anyway_is_not_sent_twice():
    batch = PurgeBatch.of(["/a/", "https://x.example/a/", "http://x.example/a/"])

    assert list(places(batch, ["x.example"])) == [("x.example", "/a/")]


def test_without_hosts_urls_stand_on_theirs():
    batch = PurgeBatch.of(["https://x.example:8000/b/"])

    assert list(places(batch, [])) == [("x.example:8000", "/b/")]


@pytest.mark.parametrize(
    "prefix, expected",
    [("/a/", True), ("/a/b/c/", True), ("/a/b/c/d/", False), ("/a/b", False), ("/a", False)],
)
def test_a_prefix_is_a_folder_if_its_tag_stands_for_exactly_it(prefix, expected):
    assert is_folder(prefix) is expected
    if expected:
        assert prefix_tag(prefix) in prefix_tags(prefix + "x/")


@given(st.lists(PATHS, min_size=1, max_size=30), st.integers(60, 400))
def test_every_path_is_matched_and_every_expression_short_enough(paths, limit):
    batch = PurgeBatch(paths=frozenset(paths))

    regexes = [regex for _, regex in regexes_by_host(batch, [], limit)]

    assert all(len(regex) <= limit for regex in regexes)
    for path in batch.paths:
        assert any(re.match(regex, path) for regex in regexes)


@given(PATHS, PATHS)
def test_a_short_path_matches_itself_alone(path, other):
    ((_, regex),) = regexes_by_host(PurgeBatch(paths=frozenset({path})), [], 7_000)

    assert bool(re.match(regex, other)) is (path == other)


@given(PATHS, PATHS)
def test_a_prefix_matches_what_begins_with_it(prefix, path):
    ((_, regex),) = regexes_by_host(PurgeBatch(prefixes=frozenset({prefix})), [], 7_000)

    assert bool(re.match(regex, path)) is path.startswith(prefix)


def test_urls_are_banned_on_their_hosts_and_paths_on_all():
    batch = PurgeBatch.of(
        ["/a/", "https://x.example/b/", "https://y.example/c/", "https://z.example/d/"]
    )

    assert set(regexes_by_host(batch, ["x.example", "y.example"], 7_000)) == {
        (None, "^(?:/a/)$"),
        ("x.example", "^(?:/b/)$"),
        ("y.example", "^(?:/c/)$"),
    }


@pytest.mark.parametrize(
    "pattern, regex",
    [
        (r"/news/[0-9]+/", r"^(?:/news/[0-9]+/)$"),
        (r"/a|/b", r"^(?:/a|/b)$"),
        (r"/x/(?i:a)/", r"^(?:/x/(?i:a)/)$"),
        (r"/news/\u0041/", r"^(?:/news/.*)$"),
        (r"/news/é+/", r"^(?:/news/.*)$"),
        (r"/news/\d{,3}/", r"^(?:/news/.*)$"),
        (r"/news/[[:alpha:]]/", r"^(?:/news/.*)$"),
        (r"(?a)/news/", r"^(?:.*)$"),
        (r"/news/" + "x" * 7_000, None),
    ],
)
def test_a_pattern_that_varnish_would_read_otherwise_becomes_its_beginning(pattern, regex):
    found = pattern_regex(pattern, 7_000)

    assert len(found) <= 7_000
    if regex is None:
        assert found.startswith("^(?:/news/xxx")
        assert found.endswith("x.*)$")
    else:
        assert found == regex


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=30))
def test_joining_loses_nothing(parts):
    lines = list(joined(parts, " ", 9))

    assert " ".join(lines).split() == parts
    assert all(len(line) <= 9 for line in lines)
