"""Paths and URLs: one canonical form, whoever wrote them."""

import base64
import hashlib

import pytest
from django.test import override_settings
from django.urls import path, reverse
from hypothesis import given
from hypothesis import strategies as st

from dumper_purge import paths
from dumper_purge.exceptions import InvalidDependent

urlpatterns = [path("<path:anything>", lambda request: None, name="anything")]

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("/news/", ("/news/",)),
        ("/é/", ("/%C3%A9/",)),
        ("/%c3%a9/", ("/%C3%A9/", "/%25c3%25a9/")),
        ("/%C3%A9/", ("/%C3%A9/",)),
        ("/a b/", ("/a%20b/",)),
        ("/100%/", ("/100%25/",)),
        ("/5%de/", ("/5%DE/", "/5%25de/")),
        ("/news/?page=2", ("/news/", "/news/%3Fpage=2")),
        ("/news/#top", ("/news/", "/news/%23top")),
        ("/C#/", ("/C", "/C%23/")),
        ("/%43#/", ("/C", "/%2543", "/C%23/", "/%2543%23/")),
        ("/a;b=c,d/", ("/a;b=c,d/",)),
        ("/[x]|/", ("/%5Bx%5D%7C/",)),
    ],
)
def test_what_a_user_writes_becomes_every_path_it_may_mean(written, canonical):
    assert paths.canonical_paths(written) == canonical


@given(TEXT)
def test_reverse_and_a_formatted_string_name_the_same_path(text):
    text = text.lstrip("/")
    with override_settings(ROOT_URLCONF=__name__):
        if not text:
            return
        try:
            reversed_path = reverse("anything", args=[text])
        except Exception:  # a newline matches no pattern
            return
    assert paths.encode_path("/" + text) == reversed_path
    assert paths.encode_path("/" + text) in paths.canonical_paths(reversed_path)


@given(TEXT)
def test_a_formatted_string_always_purges_the_path_the_browser_asks_for(text):
    written = "/x" + text
    if text.isprintable():
        assert paths.encode_path(written) in paths.canonical_paths(written)


@pytest.mark.parametrize(
    ("raw", "is_canonical"),
    [
        ("/news/", True),
        ("/%C3%A9/", True),
        ("/%c3%a9/", False),
        ("/%6eews/", False),
        ("//news/", False),
        ("/a//b/", True),
        ("/a/../b/", False),
        ("/a/.", False),
        ("/a%2Fb/", False),
        ("/a b/", False),
        ("/a|b/", False),
        ("news/", False),
        ("", False),
        ("/%", False),
    ],
)
def test_only_the_canonical_spelling_of_a_request_path_is_canonical(raw, is_canonical):
    assert paths.is_canonical(raw) is is_canonical


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        ("news/", "write '/news/'"),
        ("", "no leading slash"),
        ("//evil.example/x", "one leading slash"),
        ("/a\r\nX: y", "control character"),
        ("/a\0b", "control character"),
        ("/\ud800", "UTF-8"),
        (None, "not None"),
        (3, "not 3"),
    ],
)
def test_a_path_that_cannot_be_purged_is_named_with_its_remedy(bad, remedy):
    with pytest.raises(InvalidDependent, match=".*") as caught:
        paths.canonical_paths(bad)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://www.Example.com/é/", "https://www.example.com/%C3%A9/"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/a?b=c#d", "http://example.com:8080/a"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
    ],
)
def test_a_url_has_a_lower_case_host_no_default_port_and_a_canonical_path(url, canonical):
    assert paths.canonical_urls(url)[0] == canonical


def test_a_url_may_mean_what_its_path_may_mean():
    assert paths.canonical_urls("https://example.com/C#/") == (
        "https://example.com/C",
        "https://example.com/C%23/",
    )


@pytest.mark.parametrize(
    "bad",
    [
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https:///path",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://[::1/",
    ],
)
def test_a_url_that_cannot_be_purged_is_refused(bad):
    with pytest.raises(InvalidDependent) as caught:
        paths.canonical_urls(bad)
    assert "secret" not in str(caught.value)


def test_a_path_has_one_short_tag_of_lower_case_letters_and_digits():
    tag = paths.path_tag("/" + "é" * 4000)
    assert len(tag) == 11
    assert tag.isalnum()
    assert tag == tag.lower()


def test_pages_carry_the_tags_of_the_folders_they_lie_in():
    assert paths.prefix_tags("/docs/15/") == (paths.prefix_tag("/docs/"),)
    assert paths.prefix_tags("/docs/15/intro") == (
        paths.prefix_tag("/docs/"),
        paths.prefix_tag("/docs/15/"),
    )
    assert paths.prefix_tags("/") == ()


def test_a_prefix_beyond_the_deepest_level_is_held_by_an_ancestor():
    assert paths.prefix_tag("/a/b/c/d/e") == paths.prefix_tag("/a/b/c/")
    assert paths.prefix_tag("/a/b/c/d/e") in paths.prefix_tags("/a/b/c/d/exit/")


def test_a_prefix_at_the_root_has_no_tag_narrower_than_everything():
    assert paths.prefix_tag("/supp") is None


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=0, max_size=6)


@given(SEGMENTS, SEGMENTS, st.sampled_from(["", "a", "/"]))
def test_every_path_under_a_prefix_carries_a_tag_that_its_purge_names(head, tail, end):
    prefix = "/" + "/".join(head) + end
    page = prefix + "/".join(tail)
    carried = {paths.path_tag(page), *paths.prefix_tags(page)}
    folder = paths.prefix_tag(prefix)
    assert folder is None or carried & {folder, paths.path_tag(prefix)}


@given(TEXT)
def test_the_tag_of_a_path_is_base32_of_its_hash(path):
    digest = hashlib.blake2b(path.encode(), digest_size=10).digest()

    assert paths.path_tag(path) == "p" + base64.b32encode(digest)[:10].decode().lower()
