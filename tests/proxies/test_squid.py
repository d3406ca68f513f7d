"""What is sent to Squid, and what is made of its answers."""

import dataclasses

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.pairs import conflicts
from dumper_purge.backends.squid import SquidBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected
from tests.backends.scripted import answering, scripted, status

X = PurgeBatch.of(["/x/"])
DONE = status(200, "OK", "Server: squid/5.7")


def squid(url="http://127.0.0.1:1", **options):
    return SquidBackend(
        alias="edge", location=(url,), **{"token": "t", "hosts": ("a.example",), **options}
    )


def sent(batch, **options):
    with scripted(answering(DONE)) as node:
        squid(node.url, **options).send(batch, node.url)
    return sorted(node.received)


def test_the_requests_byte_for_byte():
    after = "HTTP/1.1\r\nHost: a.example\r\nDumper-Token: t\r\nAccept-Encoding: gzip"

    assert sent(X) == [f"PURGE http://a.example/x/ {after}", f"PURGE https://a.example/x/ {after}"]


def test_schemes_and_accept_encoding_are_options():
    (head,) = sent(X, schemes=("https",), accept_encoding="", token="")

    assert head == "PURGE https://a.example/x/ HTTP/1.1\r\nHost: a.example"


@pytest.mark.parametrize("answer", [DONE, status(404, "Not Found", "Server: squid")])
def test_success(answer):
    with scripted(answering(answer)) as node:
        squid(node.url).send(X, node.url)

    assert len(node.received) == 2


@pytest.mark.parametrize("answer", [status(200), status(204, "OK", "Server: squid/5.7")])
def test_what_is_no_answer_of_squid_is_no_proof(answer):
    with scripted(answering(answer)) as node, pytest.raises(Rejected, match="check that LOCATION"):
        squid(node.url).send(X, node.url)


def test_a_hidden_or_another_server_field_is_an_option():
    for field, option in (("Server: Cache/1", "Cache"), ("Via: 1.1 x", "")):
        with scripted(answering(status(200, "OK", field))) as node:
            squid(node.url, server=option).send(X, node.url)


def test_squids_own_name_for_an_error_is_in_the_message():
    answer = status(403, "Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0")

    with scripted(answering(answer)) as node, pytest.raises(Rejected) as caught:
        squid(node.url).send(X, node.url)

    assert "403 'Forbidden (ERR_ACCESS_DENIED 0)': check that LOCATION" in str(caught.value)


def test_one_scheme_that_fails_leaves_the_path():
    def script(talk, number):
        while head := talk.request():
            talk.send(status(400) if "https://" in head else DONE)

    with scripted(script) as node, pytest.raises(Rejected) as caught:
        squid(node.url).send(X, node.url)

    assert caught.value.left == X


def test_its_lifetime_is_in_cache_control_which_visitors_do_not_see():
    assert squid().ttl_header == "Cache-Control"
    assert {"cache-control", "surrogate-control"} <= squid().strips


def test_a_cache_outside_of_it_that_reads_the_same_field_is_impossible():
    outer = dataclasses.replace(squid(), alias="outer")

    (problem,) = conflicts([squid(), outer])

    assert "'edge' removes Cache-Control from responses, and 'outer'" in problem


@pytest.mark.parametrize(
    "options, error",
    [
        ({"schemes": ()}, r"\['schemes'\] = \(\) must be 'http', 'https' or both"),
        ({"schemes": ("ftp",)}, r"\['schemes'\] = \('ftp',\) must be 'http', 'https' or both"),
        ({"accept_encoding": "a\tb"}, r"\['accept_encoding'\] = 'a\\tb' must be '' or like 'gzip'"),
        ({"accept_encoding": " "}, r"\['accept_encoding'\] = ' ' must be '' or like 'gzip'"),
        ({"accept_encoding": "é"}, r"\['accept_encoding'\] = 'é' must be '' or like 'gzip'"),
    ],
)
def test_bad_options_are_named(options, error):
    with pytest.raises(ImproperlyConfigured, match=r"DUMPER_BACKENDS\['edge'\].*" + error):
        squid(**options)
