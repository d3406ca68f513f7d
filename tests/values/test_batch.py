"""Batches: what users write becomes one valid, merged purge."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumper_purge import paths
from dumper_purge.batch import (
    BatchBuilder,
    Pattern,
    Prefix,
    PurgeBatch,
    check_tag,
    literal_prefix,
    overflow_tag,
    purged_tags,
)
from dumper_purge.exceptions import InvalidDependent


def test_each_kind_of_dependent_finds_its_place():
    batch = PurgeBatch.of(
        ["/a/", "https://example.com/b/", Prefix("/docs/15/"), Pattern(r"/x/[0-9]+/")],
        tags=["sponsors"],
    )
    assert batch == PurgeBatch(
        paths=frozenset({"/a/"}),
        urls=frozenset({"https://example.com/b/"}),
        prefixes=frozenset({"/docs/15/"}),
        patterns=frozenset({"/x/[0-9]+/"}),
        tags=frozenset({"sponsors"}),
    )
    assert str(batch) == "1 path, 1 url, 1 prefix, 1 pattern, 1 tag"


def test_a_prefix_is_purged_in_every_spelling_it_may_have():
    assert PurgeBatch.of([Prefix("/a%62 c/")]).prefixes == {"/ab%20c/", "/a%2562%20c/"}


def test_the_root_prefix_is_everything():
    assert PurgeBatch.of([Prefix("/")]) == PurgeBatch(everything=True)


def test_an_empty_batch_is_false_and_everything_is_true():
    assert not PurgeBatch()
    assert PurgeBatch(everything=True)
    assert PurgeBatch(paths=frozenset({"/"}))


def test_batches_merge_without_doubles():
    left = PurgeBatch.of(["/a/", "/b/"], tags=["x"])
    right = PurgeBatch.of(["/b/", "/c/"])
    assert left | right == PurgeBatch.of(["/a/", "/b/", "/c/"], tags=["x"])


def test_a_batch_survives_json():
    batch = PurgeBatch.of(["/a/", Prefix("/b/")], tags=["x"]) | PurgeBatch(everything=True)
    assert PurgeBatch.from_dict(json.loads(json.dumps(batch.as_dict()))) == batch


def test_a_batch_of_a_newer_release_is_refused_by_name():
    with pytest.raises(ValueError, match="has no colours"):
        PurgeBatch.from_dict({"colours": ["red"]})


@pytest.mark.parametrize("bad", ["", "news/", "//x", "/a\n"])
def test_a_prefix_that_would_match_by_accident_is_refused(bad):
    with pytest.raises(InvalidDependent):
        Prefix(bad)


@pytest.mark.parametrize("bad", ["", "/(", None, "/a\n"])
def test_a_pattern_that_is_no_regular_expression_is_refused(bad):
    with pytest.raises(InvalidDependent):
        Pattern(bad)


def test_an_escaped_literal_matches_itself_only():
    regex = Pattern.escape("/é/a.b+c/") + "[0-9]+/"
    assert re.fullmatch(regex, "/%C3%A9/a.b+c/12/")
    assert not re.fullmatch(regex, "/%C3%A9/aXb+c/12/")


@pytest.mark.parametrize(
    ("regex", "literal"),
    [
        (r"/x/[0-9]+/", "/x/"),
        (r"/x/1*", "/x/"),
        (r"/a\.b/(c|d)", ""),
        (r"/a\.b/.*", "/a.b/"),
        (r"/a\d/", "/a"),
        (r"^/a/$", "/a/"),
        (r".*", ""),
        (r"(?i)/x/", ""),
        (r"/ab?/", "/a"),
        (r"/ab{0,2}/", "/a"),
    ],
)
def test_the_literal_beginning_of_a_pattern_is_never_too_long(regex, literal):
    assert literal_prefix(regex) == literal


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.from_regex(r"/[ab/.\\*+?{}|()^$\[\]0-9-]{0,12}", fullmatch=True), st.data())
def test_whatever_a_pattern_matches_begins_with_its_literal(regex, data):
    try:
        re.compile(regex)
    except re.error:
        return
    path = data.draw(st.from_regex(regex, fullmatch=True))
    assert path.startswith(literal_prefix(regex))


@pytest.mark.parametrize("bad", ["", "two words", "a,b", "é", "x" * 201, None, "a\n", 3])
def test_a_tag_that_no_header_can_carry_is_named(bad):
    with pytest.raises(InvalidDependent, match=re.escape(repr(bad))):
        check_tag(bad)


def test_a_purge_of_a_tag_purges_what_it_overflows_to():
    assert overflow_tag("shop.flavour:5") == "m-shop.flavour"
    assert re.fullmatch("b-[0-9]{2}", overflow_tag("sponsors"))
    assert purged_tags(PurgeBatch.of(tags=["shop.flavour:5"])) == {
        "shop.flavour:5",
        "m-shop.flavour",
    }


def test_a_url_purges_the_path_tag_of_its_path():
    assert purged_tags(PurgeBatch.of(["https://example.com/a/"])) == {paths.path_tag("/a/")}


def test_everything_needs_no_other_tag():
    assert purged_tags(PurgeBatch.of(["/a/"]) | PurgeBatch(everything=True)) == {"everything"}


def test_a_pattern_without_a_literal_beginning_purges_everything():
    assert "everything" in purged_tags(PurgeBatch.of([Pattern(r".*/feed/")]))


@given(st.lists(st.sampled_from(["a", "b", "1"]), min_size=1, max_size=5))
def test_a_page_under_a_purged_prefix_carries_a_purged_tag(segments):
    page = "/" + "/".join(segments) + "/"
    carried = {paths.EVERYTHING, paths.path_tag(page), *paths.prefix_tags(page)}
    for end in range(1, len(page) + 1):
        assert carried & purged_tags(PurgeBatch.of([Prefix(page[:end])]))


def test_a_bad_value_does_not_undo_the_good_ones():
    builder = BatchBuilder()
    builder.add("/good/")
    with pytest.raises(InvalidDependent):
        builder.add("bad/")
    builder.add("/better/")
    assert builder.build() == PurgeBatch.of(["/good/", "/better/"])


def test_another_type_than_a_dependent_is_named():
    with pytest.raises(InvalidDependent, match="3 is no dependent"):
        BatchBuilder().add(3)
