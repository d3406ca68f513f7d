"""Whatever a value holds, it stays inside its quotes."""

import ipaddress
import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import example, given
from hypothesis import strategies as st

from dumper_purge.rendering.literals import alternatives, comment, expression, network, quoted
from tests.rendering.lexer import outside, strings

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
NASTY = st.text(st.sampled_from('"{}#/*\\ ;+a'), max_size=12)


@given(PRINTABLE | NASTY)
@example('"} + "x')
@example('"""')
@example("")
def test_an_expression_is_strings_that_join_to_the_text_and_nothing_else(text):
    written = expression(text)

    assert "".join(strings(written)) == text
    assert set(outside(written)) <= set("$ +")


@given(st.text())
@example("line\nset req.url = 1;")
@example("cr\rsep\u2028nul\x00")
def test_a_comment_is_nothing_but_comment(text):
    written = comment(text)

    assert outside(written).strip("\n") == ""
    assert written.isascii()


@given(st.lists(PRINTABLE | NASTY, min_size=1))
def test_alternatives_match_the_names_and_stay_in_one_string(names):
    regex = alternatives(names)

    assert strings(quoted(f"(?:{regex})")) == [f"(?:{regex})"]
    assert all(re.fullmatch(regex, name) for name in names)


@given(st.lists(NASTY.filter(bool), min_size=1), NASTY)
def test_alternatives_match_no_other_name(names, other):
    assert bool(re.fullmatch(alternatives(names), other)) == (other in names)


@pytest.mark.parametrize("text", ['"', "a\nb", "\x00", "é", '"}'])
def test_what_one_string_cannot_hold_is_never_written_as_one(text):
    with pytest.raises(ValueError, match="cannot stand in one VCL string"):
        quoted(text)


@pytest.mark.parametrize(
    "value, entry",
    [
        ("192.0.2.7", '"192.0.2.7";'),
        ("10.0.0.0/8", '"10.0.0.0"/8;'),
        ("::1", '"::1";'),
        ("2001:DB8::/32", '"2001:db8::"/32;'),
    ],
)
def test_a_network_is_an_entry_of_an_acl(value, entry):
    assert network("--purger", value) == entry


@given(st.ip_addresses())
def test_an_address_comes_out_as_itself(address):
    assert ipaddress.ip_address(strings(network("--purger", str(address)))[0]) == address


@pytest.mark.parametrize("value", ["", "10.0.0.1/8", "example.com", '1.2.3.4"; } sub x {', "1.2.3"])
def test_what_is_no_network_is_an_error_that_names_option_value_and_remedy(value):
    with pytest.raises(ImproperlyConfigured) as caught:
        network("--purger", value)

    assert f"--purger = {value!r}" in str(caught.value)
    assert "write an address or a network" in str(caught.value)
