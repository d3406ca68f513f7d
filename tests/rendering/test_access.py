"""Who may purge."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.access import access
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.varnish import varnish
from tests.rendering.lexer import strings
from tests.rendering.site import TOKEN, varnishes


def body(**choices):
    return access(Choices(**choices), varnish(None)).body


def test_the_token_of_the_options_purges():
    assert strings(body().partition("sub dumper_tokens")[2]) == [TOKEN]


@pytest.mark.parametrize("token", ['"', '"}', 'a"};set+b', "{#/*", "%22\\"])
def test_a_token_comes_out_as_itself(site, token):
    site.DUMPER_BACKENDS = varnishes(token=token)

    assert "".join(strings(body().partition("sub dumper_tokens")[2])) == token


def test_the_token_before_it_purges_while_it_is_named():
    lines = body(previous_token="older").splitlines()

    assert '    set req.http.Dumper-Token-Previous = "older";' in lines


def test_an_empty_token_is_an_error(site):
    site.DUMPER_BACKENDS = varnishes(token="")

    with pytest.raises(ImproperlyConfigured, match=r"\['token'\] must be printable"):
        body()


@pytest.mark.parametrize("token", ["", "a b", "é", "a\nb"])
def test_an_empty_or_odd_previous_token_is_an_error_that_does_not_show_it(token):
    with pytest.raises(ImproperlyConfigured) as caught:
        body(previous_token=token)

    assert str(caught.value).startswith("--previous-token-env names a token that is empty or")
    assert not token or token not in str(caught.value)


def test_the_lists_hold_what_is_named():
    text = body(purgers=("10.0.0.0/8",), terminators=(), debuggers=("192.0.2.1",))

    assert 'acl dumper_purgers {\n    "10.0.0.0"/8;\n}' in text
    assert "acl dumper_terminators {\n}" in text
    assert 'acl dumper_debuggers {\n    "192.0.2.1";\n}' in text


def test_nothing_purges_through_another_listener():
    text = body(purge_listener="purge")

    assert '    if (local.socket != "purge") {\n        return (synth(405, "Not allowed"));' in text


@pytest.mark.parametrize("name", ["", 'a") {} sub x', "a b", "a\n"])
def test_a_listener_without_a_name_is_an_error(name):
    with pytest.raises(ImproperlyConfigured, match="--purge-listener = .* must be a name"):
        body(purge_listener=name)


def test_addresses_alone_are_enough_where_nothing_stands_in_front():
    text = body(acl_only=True, terminators=())

    assert 'set req.http.Dumper-Token-Unneeded = "yes";' in text


def test_addresses_alone_are_enough_through_a_listener_of_its_own():
    listeners = ("site=:6086,PROXY", "purge=127.0.0.1:6082")

    text = body(acl_only=True, purge_listener="purge", listeners=listeners)

    assert 'set req.http.Dumper-Token-Unneeded = "yes";' in text


@pytest.mark.parametrize(
    "choices",
    [
        {"listeners": (":80", ":6086,PROXY"), "terminators": ()},
        {"listeners": (":6086,proxy",), "terminators": ()},
        {"listeners": ("purge=:6082,PROXY",), "purge_listener": "purge"},
    ],
)
def test_addresses_alone_are_refused_where_a_proxy_header_is_believed(choices):
    with pytest.raises(ImproperlyConfigured, match=r"--listener = .*Leave --acl-only away"):
        body(acl_only=True, **choices)


def test_addresses_alone_are_refused_behind_what_ends_tls():
    with pytest.raises(ImproperlyConfigured, match=r"--terminator = '127.0.0.1, ::1' hands on all"):
        body(acl_only=True)


@pytest.mark.parametrize(
    "name, value",
    [
        ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https")),
        ("USE_X_FORWARDED_HOST", True),
        ("USE_X_FORWARDED_PORT", True),
    ],
)
def test_addresses_alone_are_refused_where_a_setting_tells_of_a_balancer(site, name, value):
    setattr(site, name, value)

    with pytest.raises(ImproperlyConfigured, match=f"{name} = .* says that a balancer"):
        body(acl_only=True, terminators=())


def test_only_the_header_that_the_vcl_sets_may_tell_the_scheme(site):
    site.SECURE_PROXY_SSL_HEADER = ["HTTP_X_FORWARDED_PROTO", "https"]
    assert body()
    site.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_SSL", "on")

    with pytest.raises(ImproperlyConfigured) as caught:
        body()

    assert str(caught.value) == (
        "SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_SSL', 'on') must be"
        " ('HTTP_X_FORWARDED_PROTO', 'https') behind this VCL."
    )


def test_a_site_without_varnish_is_an_error(site):
    site.DUMPER_BACKENDS = {}

    with pytest.raises(ImproperlyConfigured, match="has no .*VarnishBackend: add one"):
        varnish(None)


def test_one_of_several_varnishes_must_be_named(site):
    site.DUMPER_BACKENDS = varnishes("inner", "outer")

    with pytest.raises(ImproperlyConfigured, match="several Varnishes: name one of inner, outer"):
        varnish(None)
    with pytest.raises(ImproperlyConfigured, match="ALIAS = 'x' is no Varnish of DUMPER_BACK"):
        varnish("x")
    assert varnish("outer").alias == "outer"
