"""What is sent to nginx with other modules than Debian's, and what is made of the answers."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.nginx import NginxBackend
from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.exceptions import Rejected
from tests.backends.scripted import answering, scripted, status

X = PurgeBatch.of(["/x/"])


def nginx(url="http://127.0.0.1:1", **options):
    return NginxBackend(
        alias="edge", location=(url,), **{"token": "t", "hosts": ("a.example",), **options}
    )


def body(code, text):
    return b"HTTP/1.1 %d Any\r\nContent-Length: %d\r\n\r\n%s" % (code, len(text), text)


def sent(batch, **options):
    with scripted(answering(status(204))) as node:
        nginx(node.url, **options).send(batch, node.url)
    return sorted(node.received)


def test_the_request_byte_for_byte():
    assert sent(X) == ["PURGE /x/ HTTP/1.1\r\nHost: a.example\r\nDumper-Token: t"]


def test_method_and_prefix_are_options():
    (head,) = sent(X, method="GET", path_prefix="/purge", header="X-Purge-Key")

    assert head == "GET /purge/x/ HTTP/1.1\r\nHost: a.example\r\nX-Purge-Key: t"


@pytest.mark.parametrize(
    "answer",
    [
        body(200, b"<title>Successful purge</title>"),  # FRiCKLE's, and its successor's.
        body(404, b"<center>nginx/1.22.1</center>"),  # FRiCKLE's: it was not there.
        body(412, b"<center>nginx</center>"),  # Its successor's, for the same.
        body(404, b"<center>openresty/1.25.3.1</center>"),
        status(204),  # nginx Plus.
    ],
)
def test_success(answer):
    with scripted(answering(answer)) as node:
        nginx(node.url).send(X, node.url)

    assert len(node.received) == 1


def test_codes_and_proofs_are_options():
    with scripted(answering(body(202, b'{"Key": "a"}'))) as node:
        for options in ({"success": (202,), "proof": ('"Key"',)}, {"success": (202,), "proof": ()}):
            nginx(node.url, **options).send(X, node.url)
        for options in ({"proof": ()}, {"success": (202,)}):
            with pytest.raises(Rejected, match=r"202 'Any'.*OPTIONS\['success'\] and \['proof'\]"):
                nginx(node.url, **options).send(X, node.url)


def targets(batch, **options):
    return [head.split()[1] for head in sent(batch, wildcards=True, **options)]


def test_wildcards_purge_what_begins_so():
    batch = PurgeBatch.of(["/x/", Prefix("/docs/"), Prefix("/a"), Pattern("/n/[0-9]+/")])

    assert targets(batch) == ["/a*", "/docs/*", "/n/*", "/x/"]
    assert targets(batch, path_prefix="/purge")[0] == "/purge/a*"


def test_wildcards_are_sent_for_every_host():
    heads = sent(PurgeBatch.of([Prefix("/d/")]), wildcards=True, hosts=("a.example", "b.example"))

    assert [head.split("\r\n")[1] for head in heads] == ["Host: a.example", "Host: b.example"]


@pytest.mark.parametrize(
    "wide",
    [PurgeBatch.of(tags=["menu"]), PurgeBatch.of([Pattern(".*")]), PurgeBatch.of([Pattern("/.*")])],
    ids=str,
)
def test_what_no_folder_holds_is_everything_if_that_is_allowed(wide):
    assert targets(wide) == ["/*"]
    with pytest.raises(Rejected, match="edge cannot purge") as caught:
        targets(wide | PurgeBatch.of([Prefix("/d/")]), allow_everything=False)
    assert caught.value.left == wide


def test_everything_that_was_asked_for_is_always_allowed():
    everything = PurgeBatch(everything=True, tags=frozenset({"menu"}))

    assert targets(everything, allow_everything=False) == ["/*"]


def test_a_pattern_is_cut_where_a_request_could_not_hold_it():
    assert targets(PurgeBatch(patterns=frozenset({"/a b/c+"}))) == ["/a*"]


def test_a_refused_wildcard_leaves_all_that_is_broad():
    broad = PurgeBatch.of([Prefix("/d/"), Pattern("/n/[0-9]+/")])

    def script(talk, number):
        while head := talk.request():
            talk.send(status(403 if "*" in head else 204))

    with scripted(script) as node, pytest.raises(Rejected) as caught:
        nginx(node.url, wildcards=True).send(X | broad, node.url)

    assert caught.value.left == broad


def test_it_reads_and_removes_surrogate_control():
    assert nginx().ttl_header == "Surrogate-Control"
    assert "surrogate-control" in nginx().strips


@pytest.mark.parametrize(
    "options, error",
    [
        ({"method": "PURGE X"}, r"\['method'\] = 'PURGE X' is no HTTP method"),
        ({"path_prefix": "purge"}, r"\['path_prefix'\] = 'purge' must be '' or like '/purge'"),
        ({"path_prefix": "/purge/"}, r"\['path_prefix'\] = '/purge/' must be '' or like"),
        ({"path_prefix": "/é"}, r"\['path_prefix'\] = '/é' must be '' or like"),
        ({"path_prefix": "/a b"}, r"\['path_prefix'\] = '/a b' must be '' or like"),
        ({"success": ()}, r"\['success'\] = \(\) must list statuses from 200 to 499"),
        ({"success": (503,)}, r"\['success'\] = \(503,\) must list statuses from 200 to 499"),
    ],
)
def test_bad_options_are_named(options, error):
    with pytest.raises(ImproperlyConfigured, match=r"DUMPER_BACKENDS\['edge'\].*" + error):
        nginx(**options)
