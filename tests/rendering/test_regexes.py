"""What is written for PCRE finds what Python finds."""

import re
import warnings

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dumper_purge.rendering.literals import quoted
from dumper_purge.rendering.regexes import NotAlike, pcre
from tests.rendering.pcre import finds

PATHS = st.text(st.sampled_from("/ab-1.A_"), max_size=12).map("/{}".format)
PIECES = [
    *'ab/-.^$|()[]*+?{},\\"=!<:%1#&~_',
    *("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?P<n>", "(?i)", "(?s)", "(?P=n)", "(?>", "[^", "[a-"),
    *(r"\d", r"\w", r"\b", r"\A", r"\Z", r"\.", r"\"", r"\\", r"\1", r"\n", r"\x61", r"\v"),
    *("{2}", "{1,}", "{,2}", "{1,2}", ".*", "admin", "[[:alpha:]]", "&&", "--"),
]
PATTERNS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def compiled(pattern):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(pattern)
        except (re.error, OverflowError):
            return None


@pytest.mark.needs("varnishd")
@settings(max_examples=600, deadline=None)
@given(PATTERNS, PATHS)
@example(r"^/admin\Z", "/admin")
@example(r"^/[]a]+$", "/a")
@example(r"(?i)^/A", "/a")
def test_pcre_finds_what_python_finds(pattern, path):
    python = compiled(pattern)
    assume(python)
    try:
        written = pcre(pattern)
    except NotAlike:
        return

    quoted(written)
    assert finds(written, path) == bool(python.search(path))


@pytest.mark.parametrize(
    "pattern, written",
    [
        (r"^/admin/", r"^/admin/"),
        (r"^/(?:de|en)/(?P<pk>\d+)/edit/$", r"^/(?:de|en)/(?P<pk>\d+)/edit/$"),
        (r"^/a\Z", r"^/a\z"),
        (r'/"x', r"/\x22x"),
        (r"/\"x", r"/\x22x"),
        (r'/\\"x', r"/\\\x22x"),
        (r'["a\"]', r"[\x22a\x22]"),
        (r"(?i)^/(?!public/).*private", r"(?i)^/(?!public/).*private"),
        ("", ""),
    ],
)
def test_what_both_read_alike_is_written(pattern, written):
    assert pcre(pattern) == written


@pytest.mark.parametrize(
    "pattern",
    [
        "é", "/\n", "%20", "(?s).", "(?a)", "(?x) a", "(?P=n)", r"\1", r"\u0061", r"\v",
        "a{,2}", "(?#x)", "[[:alpha:]]", r"\[[:a:]]", "a[b[c]", "(?(1)a)", "(?>a)", "(?:(?i)a)",
    ],
)  # fmt: skip
def test_what_pcre_may_read_otherwise_is_refused(pattern):
    with pytest.raises(NotAlike):
        pcre(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|b)*", "((a?)){9}", r"(\w+/)*x", ".*a.*b.*c.*d.*e", "(?:a{1,3})+"]
)
def test_what_can_take_endlessly_long_is_refused(pattern):
    with pytest.raises(NotAlike, match="can take long"):
        pcre(pattern)
