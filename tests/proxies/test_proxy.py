"""What holds for every proxy that takes one PURGE for each URL."""

import logging
import traceback

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.options import build
from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from tests.backends.scripted import answering, hanging, refused_url, scripted, status

TOKEN = "secret-token"
NGINX, SQUID = (f"dumper_purge.backends.{name}Backend" for name in ("nginx.Nginx", "squid.Squid"))
KNOWN = {
    NGINX: b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nSuccessful purge",
    SQUID: status(200, "OK", "Server: squid/5.7"),
}


@pytest.fixture(params=[NGINX, SQUID], ids=["nginx", "squid"])
def dotted(request):
    return request.param


@pytest.fixture
def make(dotted):
    """Return a function that builds the backend, with one request for each URL."""

    def backend(*urls, **options):
        hosts = options.pop("hosts", ["a.example", "b.example"])
        schemes = {"schemes": ["http"]} if dotted == SQUID else {}
        options = {"token": TOKEN, "read_timeout": 0.3, **schemes, **options}
        location = list(urls) or ["http://127.0.0.1:1"]
        return build(
            "edge", {"BACKEND": dotted, "LOCATION": location, "HOSTS": hosts, "OPTIONS": options}
        )

    return backend


def asked(node):
    """Return the host and the path of every request that a node got."""
    lines = [head.split("\r\n") for head in node.received]
    return sorted((line[1].removeprefix("Host: "), _path(line[0].split()[1])) for line in lines)


def _path(target):
    return "/" + target.split("://")[1].partition("/")[2] if "://" in target else target


def answering_by_path(dotted, **answers):
    """Answer a path's name otherwise than well."""

    def script(talk, number):
        while head := talk.request():
            name = head.split()[1].strip("/").rpartition("/")[2]
            talk.send(answers.get(name, KNOWN[dotted]))

    return script


def test_a_path_is_purged_on_every_host_and_a_url_on_its_own(dotted, make):
    batch = PurgeBatch.of(["/x/", "https://b.example/y/", "https://other.example/z/"])

    with scripted(answering(KNOWN[dotted])) as node:
        make(node.url).send(batch, node.url)

    assert asked(node) == [("a.example", "/x/"), ("b.example", "/x/"), ("b.example", "/y/")]
    assert node.connections == 1
    assert all(f"\r\nDumper-Token: {TOKEN}" in head for head in node.received)


def test_nothing_sends_nothing(make):
    with scripted(answering()) as node:
        make(node.url).send(PurgeBatch(), node.url)

    assert node.connections == 0


def test_many_urls_go_over_one_connection(dotted, make):
    paths = [f"/{number}/" for number in range(2_000)]

    with scripted(answering(KNOWN[dotted])) as node:
        make(node.url, hosts=["a.example"]).send(PurgeBatch.of(paths), node.url)

    assert {path for _, path in asked(node)} == set(paths)
    assert node.connections == 1


@pytest.mark.parametrize("how", [{"token": ""}, {"header": "X-Key"}], ids=str)
def test_the_token_may_have_another_header_or_be_none(dotted, make, how):
    with scripted(answering(KNOWN[dotted])) as node:
        make(node.url, hosts=["a.example"], **how).send(PurgeBatch.of(["/x/"]), node.url)

    assert ("Dumper-Token" in node.received[0], TOKEN in node.received[0]) == (
        False,
        "header" in how,
    )
    assert ("X-Key: " + TOKEN in node.received[0]) == ("header" in how)


BROAD = {
    "a tag": PurgeBatch.of(tags=["menu"]),
    "a prefix": PurgeBatch.of([Prefix("/docs/")]),
    "a pattern": PurgeBatch.of([Pattern("/n/[0-9]+/")]),
    "everything": PurgeBatch(everything=True),
}


@pytest.mark.parametrize("broad", BROAD.values(), ids=BROAD)
def test_what_is_no_url_is_rejected_and_the_paths_beside_it_are_purged(dotted, make, broad):
    with scripted(answering(KNOWN[dotted])) as node, pytest.raises(Rejected) as caught:
        make(node.url, hosts=["a.example"]).send(PurgeBatch.of(["/x/"]) | broad, node.url)

    assert asked(node) == [("a.example", "/x/")]
    assert caught.value.left == broad
    assert f"edge cannot purge {broad}" in str(caught.value)
    assert "one URL at a time. Name paths or URLs" in str(caught.value)


def test_a_prefix_alone_asks_nothing(make):
    with scripted(answering()) as node, pytest.raises(Rejected):
        make(node.url).send(PurgeBatch.of([Prefix("/docs/")]), node.url)

    assert node.connections == 0


def test_what_was_refused_is_left_and_nothing_else(dotted, make):
    batch = PurgeBatch.of(
        ["/x/", "/y/", "https://b.example/w/", "https://b.example/z/"], tags=["menu"]
    )
    script = answering_by_path(dotted, y=status(400, "Bad Request"), z=status(400, "Bad Request"))

    with scripted(script) as node, pytest.raises(Rejected, match="400 'Bad Request'") as caught:
        make(node.url).send(batch, node.url)

    left = PurgeBatch.of(["/y/", "https://b.example/z/"], tags=["menu"])
    assert caught.value.left == left


@pytest.mark.parametrize("first", ["x", "y"])
def test_a_mixture_is_tried_again_with_all_that_failed(dotted, make, first):
    busy = status(503, "Busy", "Retry-After: 7")
    answers = {first: status(403), {"x": "y", "y": "x"}[first]: busy}
    script = answering_by_path(dotted, **answers)

    with scripted(script) as node, pytest.raises(Transient) as caught:
        make(node.url).send(PurgeBatch.of(["/x/", "/y/", "/z/"]), node.url)

    assert caught.value.left == PurgeBatch.of(["/x/", "/y/"])
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("code", [401, 403, 405, 501, 301])
def test_a_refusal_is_rejected_with_alias_node_and_remedy(make, code):
    with scripted(answering(status(code))) as node, pytest.raises(Rejected) as caught:
        make(node.url).send(PurgeBatch.of(["/x/"]), node.url)

    assert f"edge at {node.url} answered {code} 'Refused': check that LOCATION is" in str(
        caught.value
    )
    assert make().remedy in str(caught.value)
    assert caught.value.left == PurgeBatch.of(["/x/"])


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_an_overload_is_transient(make, code):
    with scripted(answering(status(code))) as node, pytest.raises(Transient):
        make(node.url).send(PurgeBatch.of(["/x/"]), node.url)


@pytest.mark.parametrize("code", [200, 404])
def test_a_page_of_somebody_else_is_no_proof(make, code):
    page = b"HTTP/1.1 %d OK\r\nServer: gunicorn\r\nContent-Length: 5\r\n\r\nhello" % code

    with scripted(answering(page)) as node, pytest.raises(Rejected, match=f"{code} 'OK'"):
        make(node.url).send(PurgeBatch.of(["/x/"]), node.url)


def garbling(talk, number):
    talk.request()
    talk.send(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("script", [hanging, garbling, answering(status(403)), None])
def test_the_token_is_told_to_nobody(make, script, caplog):
    caplog.set_level(logging.DEBUG)
    with scripted(script or answering()) as node:
        url = node.url if script else refused_url()
        with pytest.raises((Transient, Rejected)) as caught:
            make(url).send(PurgeBatch.of(["/x/"]), url)

    texts = [*traceback.format_exception(caught.value), caplog.text, repr(make())]
    assert url in str(caught.value)
    assert TOKEN not in "".join(texts)


def test_of_two_nodes_the_dead_one_fails_alone(dotted, make):
    dead = refused_url()

    with scripted(answering(KNOWN[dotted])) as node:
        backend = make(node.url, dead)
        assert backend.nodes == (node.url, dead)
        backend.send(PurgeBatch.of(["/x/"]), node.url)
        with pytest.raises(Transient, match=dead):
            backend.send(PurgeBatch.of(["/x/"]), dead)

    assert len(node.received) == 2


def test_what_bypassed_validation_injects_nothing(make):
    with scripted(answering()) as node:
        for path in ("/x HTTP/1.1\r\nX: y", "/x\n", "/x y"):
            with pytest.raises(ValueError):
                make(node.url).send(PurgeBatch(paths=frozenset({path})), node.url)

    assert node.received == []


def test_what_it_is_to_the_responses(make):
    backend = make()

    assert backend.honoured_vary == {"accept-encoding"}
    assert (backend.tag_header, backend.covers_queries) == (None, False)
    assert not backend.waits_for_fetches
    assert backend.bypasses_session_cookie


def test_the_second_purge_is_due_after_two_seconds(make):
    batch = PurgeBatch.of(["/x/"])

    assert make().repeat_delay(batch) == 2.0
    assert make(repeat_after=0).repeat_delay(batch) == 0
    assert make(repeat_after=5.0).repeat_delay(batch) == 5.0


@pytest.mark.parametrize(
    "options, error",
    [
        ({"token": " x"}, r"\['token'\] must be printable ASCII, with no space at its ends"),
        ({"token": "a\nb"}, r"\['token'\] must be printable ASCII"),
        ({"token": "é"}, r"\['token'\] must be printable ASCII"),
        ({"token": None}, r"\['token'\] must be a str"),
        ({"header": "a b"}, r"\['header'\] = 'a b' is no name of a header"),
        ({"header": ""}, r"\['header'\] = '' is no name of a header"),
        ({"connect_timeout": 0}, r"\['connect_timeout'\] = 0 must be above 0"),
        ({"read_timeout": -1.0}, r"\['read_timeout'\] = -1.0 must be above 0"),
        ({"soft": True}, r"has the unknown option 'soft'"),
    ],
)
def test_bad_options_are_named(make, options, error):
    with pytest.raises(ImproperlyConfigured, match=r"DUMPER_BACKENDS\['edge'\].*" + error):
        make(**options)


def test_a_token_has_to_be_given(dotted):
    entry = {"BACKEND": dotted, "LOCATION": "http://127.0.0.1:1", "HOSTS": ["a.example"]}

    with pytest.raises(ImproperlyConfigured, match=r"\['token'\] is missing: it must be a str"):
        build("edge", entry)


def test_a_bad_token_is_not_shown(make):
    with pytest.raises(ImproperlyConfigured) as caught:
        make(token=" " + TOKEN)

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "location, error",
    [
        ([], r"must be a list like \['http://127.0.0.1:8081'\]"),
        (["10.0.0.5:8081"], "has '10.0.0.5:8081', which must be like 'http://127.0.0.1:6081'"),
        (["http://10.0.0.5/purge"], "which must end after the port: no path, no query"),
        (["http://me:secret@10.0.0.5"], r"\['LOCATION'\] must not carry credentials"),
    ],
)
def test_bad_locations_are_named(dotted, location, error):
    entry = {"LOCATION": location, "HOSTS": ["a.example"], "OPTIONS": {"token": TOKEN}}

    with pytest.raises(ImproperlyConfigured, match=error) as caught:
        build("edge", {"BACKEND": dotted, **entry})

    assert "secret" not in str(caught.value)


def test_hosts_have_to_be_listed(make):
    with pytest.raises(ImproperlyConfigured, match=r"\['HOSTS'\] must list the site's hosts"):
        make(hosts=[])
