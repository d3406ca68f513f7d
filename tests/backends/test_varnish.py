"""What is sent to Varnish, and what is made of its answers."""

import logging
import traceback

import pytest

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import Pattern, Prefix, PurgeBatch, purged_tags
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag
from tests.backends.scripted import PURGED, answering, hanging, refused_url, scripted, status

TOKEN = "secret-token"


def varnish(url="http://127.0.0.1:1", **options):
    options = {"hosts": ("a.example", "b.example"), "read_timeout": 0.3, **options}
    return VarnishBackend(alias="edge", location=(url,), token=TOKEN, **options)


def sent(backend, batch):
    """Return method, host, target and headers of every request, without the token."""
    found = []
    for request in backend.requests(batch):
        assert request.headers[0] == ("Dumper-Token", TOKEN)
        found.append((request.method, request.host, request.target, request.headers[1:]))
    return found


def bans(backend, batch):
    return [dict(headers) for method, _, _, headers in sent(backend, batch) if method == "BAN"]


def test_a_path_is_purged_on_every_host():
    assert sorted(sent(varnish(), PurgeBatch.of(["/news/"]))) == [
        ("PURGE", "a.example", "/news/", ()),
        ("PURGE", "b.example", "/news/", ()),
    ]


def test_a_url_is_purged_on_its_own_host_if_that_is_served():
    batch = PurgeBatch.of(["https://b.example/x/", "https://other.example/x/"])

    assert sent(varnish(), batch) == [("PURGE", "b.example", "/x/", ())]


def test_softly_is_said_in_a_header():
    assert sent(varnish(soft=True, hosts=("a",)), PurgeBatch.of(["/x/"])) == [
        ("PURGE", "a", "/x/", (("Dumper-Purge", "soft"),))
    ]


def test_what_a_purge_cannot_name_is_banned():
    batch = PurgeBatch.of(["/x/", Prefix("/docs/"), Pattern(r"/n/[0-9]+/")])

    found = sent(varnish(hosts=("a",)), batch)

    assert found == [
        ("PURGE", "a", "/x/", ()),
        ("BAN", "a", "/", (("Dumper-Ban-Path", "^(?:/docs/.*)$"),)),
        ("BAN", "a", "/", (("Dumper-Ban-Path", "^(?:/n/[0-9]+/)$"),)),
    ]


def test_everything_is_one_ban():
    batch = PurgeBatch(everything=True, patterns=frozenset({"/x"}))

    for method in ("purge", "ban"):
        assert bans(varnish(method=method), batch) == [{"Dumper-Ban-Path": "^/"}]


def test_nothing_sends_nothing():
    for method in ("purge", "xkey", "ban"):
        assert sent(varnish(method=method), PurgeBatch()) == []


def test_tags_without_xkey_are_everything():
    for method in ("purge", "ban"):
        found = bans(varnish(method=method), PurgeBatch.of(["/x/"], tags=["menu"]))
        assert found == [{"Dumper-Ban-Path": "^/"}]


def test_tags_that_may_not_be_everything_are_rejected_and_the_rest_is_purged():
    batch = PurgeBatch.of(["/x/", Prefix("/docs/")], tags=["menu"])

    with scripted(answering()) as node:
        backend = varnish(node.url, hosts=("a",), allow_everything=False)
        with pytest.raises(Rejected, match="edge cannot purge tags.*xkey.*allow_everything"):
            backend.send(batch, node.url)

    assert [head.split("\r\n")[0] for head in node.received] == [
        "PURGE /x/ HTTP/1.1",
        "BAN / HTTP/1.1",
    ]


def test_more_urls_than_the_bound_are_banned_in_few_expressions():
    paths = [f"/p/{i}/" for i in range(2_001)]

    found = sent(varnish(max_urls=4_000), PurgeBatch.of(paths))

    assert {method for method, *_ in found} == {"BAN"}
    assert len(found) < 10
    assert not varnish(max_urls=4_002)._banned(PurgeBatch.of(paths))


def test_too_many_bans_are_everything():
    patterns = [Pattern(f"/{i}/x+/") for i in range(101)]

    assert bans(varnish(), PurgeBatch.of(patterns)) == [{"Dumper-Ban-Path": "^/"}]
    assert len(bans(varnish(allow_everything=False), PurgeBatch.of(patterns))) == 101


def test_a_ban_of_a_url_names_its_host():
    assert bans(varnish(method="ban"), PurgeBatch.of(["https://a.example/x.y/"])) == [
        {"Dumper-Ban-Path": r"^(?:/x\.y/)$", "Dumper-Ban-Host": "a.example"}
    ]


def test_keys_cover_paths_urls_tags_and_folders():
    batch = PurgeBatch.of(["/x/", "https://b.example/y/", Prefix("/docs/")], tags=["menu"])

    ((method, _, target, headers),) = sent(varnish(method="xkey"), batch)

    assert (method, target) == ("PURGE", "/")
    assert headers == (("xkey-purge", " ".join(sorted(purged_tags(batch)))),)
    assert path_tag("/y/") in headers[0][1].split()


def test_keys_are_purged_softly_under_another_name():
    ((_, _, _, headers),) = sent(varnish(method="xkey", soft=True), PurgeBatch.of(["/x/"]))

    assert headers == (("xkey-softpurge", path_tag("/x/")),)


def test_many_keys_keep_every_line_and_request_short():
    batch = PurgeBatch.of([f"/p/{i}/" for i in range(10_000)])

    found = sent(varnish(method="xkey"), batch)

    lines = [value for _, _, _, headers in found for _, value in headers]
    assert " ".join(lines).split() == sorted(path_tag(path) for path in batch.paths)
    assert max(map(len, lines)) <= 7_000
    assert all(len(headers) <= 3 for *_, headers in found)


def test_what_keys_do_not_name_exactly_is_banned():
    batch = PurgeBatch.of([Prefix("/docs/1"), Prefix("/a/b/c/d/"), Pattern(r"/n/[0-9]+/")])

    prefixes, pattern = [ban["Dumper-Ban-Path"] for ban in bans(varnish(method="xkey"), batch)]

    assert set(prefixes[len("^(?:") : -len(")$")].split("|")) == {"/docs/1.*", "/a/b/c/d/.*"}
    assert pattern == "^(?:/n/[0-9]+/)$"


def test_everything_is_one_key():
    ((_, _, _, headers),) = sent(varnish(method="xkey"), PurgeBatch(everything=True))

    assert headers == (("xkey-purge", "everything"),)


@pytest.mark.parametrize(
    "method, header, queries, waits",
    [("purge", None, False, True), ("xkey", "xkey", True, False), ("ban", None, True, False)],
)
def test_responses_carry_what_the_method_needs(method, header, queries, waits):
    backend = varnish(method=method)

    assert backend.ttl_header == "Surrogate-Control"
    assert backend.tag_header == header
    assert backend.covers_queries is queries
    assert backend.waits_for_fetches is waits
    assert backend.bypasses_session_cookie


@pytest.mark.parametrize("method", ["purge", "xkey", "ban"])
def test_a_purge_covers_queries_where_they_are_variants(method):
    assert varnish(method=method, query_variants=True).covers_queries


def test_only_what_the_waiting_purge_covers_needs_no_second_purge():
    path, prefix = PurgeBatch.of(["/x/"]), PurgeBatch.of([Prefix("/docs/")])

    assert varnish().repeat_delay(path) == 0
    assert varnish().repeat_delay(prefix) == 2.0
    assert varnish().repeat_delay(PurgeBatch.of(tags=["menu"])) == 2.0
    assert varnish(method="xkey").repeat_delay(path) == 2.0
    assert varnish(method="ban").repeat_delay(path) == 2.0
    assert varnish(method="xkey", repeat_after=0).repeat_delay(path) == 0
    assert varnish(repeat_after=7).repeat_delay(path) == 7


def test_the_waiting_purge_is_asked_for_every_url():
    batch = PurgeBatch.of(["/x/"])

    with scripted(answering()) as node:
        assert varnish(node.url, hosts=("a",)).settle(batch, node.url) is True
        assert varnish(node.url, hosts=("a",), soft=True).settle(batch, node.url) is True

    assert ["\r\nDumper-Purge: wait" in head for head in node.received] == [True, False]
    assert ["\r\nDumper-Purge: soft, wait" in head for head in node.received] == [False, True]


@pytest.mark.parametrize(
    "backend, batch",
    [
        (varnish(method="xkey"), PurgeBatch.of(["/x/"])),
        (varnish(method="ban"), PurgeBatch.of(["/x/"])),
        (varnish(), PurgeBatch.of([Prefix("/x/")])),
        (varnish(), PurgeBatch.of(tags=["menu"])),
    ],
)
def test_nothing_else_can_wait(backend, batch):
    assert backend.settle(batch, backend.nodes[0]) is False


@pytest.mark.parametrize("answer", [PURGED, status(200, "Banned")])
def test_success(answer):
    with scripted(answering(answer)) as node:
        varnish(node.url).send(PurgeBatch.of(["/x/"]), node.url)

    assert len(node.received) == 2


@pytest.mark.parametrize(
    "answer",
    [
        status(401), status(403), status(405, "Not allowed"), status(400), status(301), status(501),
        status(200, "OK"), status(404, "Not Found"),
    ],
)  # fmt: skip
def test_a_refusal_is_rejected_with_alias_node_and_remedy(answer):
    with scripted(answering(answer)) as node, pytest.raises(Rejected) as raised:
        varnish(node.url).send(PurgeBatch.of(["/x/"]), node.url)

    for word in ("edge", node.url, "token", "dumper_purgers", "dumper.vcl"):
        assert word in str(raised.value)


def test_an_old_200_of_something_else_is_no_proof():
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    with scripted(answering(page)) as node, pytest.raises(Rejected, match="200 'OK'"):
        varnish(node.url).send(PurgeBatch.of(["/x/"]), node.url)


@pytest.mark.parametrize(
    "answer, wait",
    [
        (status(503, "Busy"), None),
        (status(500), None),
        (status(429, "Slow down", "Retry-After: 17"), 17),
        (status(503, "Busy", "Retry-After: nonsense"), None),
        (status(503, "Busy", "Retry-After: 999999"), 3_600),
        (status(503, "Busy", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"), 0),
    ],
)
def test_an_overload_is_transient(answer, wait):
    with scripted(answering(answer)) as node, pytest.raises(Transient) as raised:
        varnish(node.url).send(PurgeBatch.of(["/x/"]), node.url)

    assert raised.value.retry_after == wait
    assert node.url in str(raised.value)


def test_a_mixture_is_tried_again():
    def script(talk, number):
        talk.request()
        talk.send(status(400))
        talk.request()
        talk.send(status(503))

    with scripted(script) as node, pytest.raises(Transient):
        varnish(node.url).send(PurgeBatch.of(["/x/"]), node.url)


def garbling(talk, number):
    talk.request()
    talk.send(b"220 mail.example ESMTP\r\n")


def echoing(talk, number):
    talk.send(talk.request().encode() + b"\r\n\r\n")


def closing_in_mid_answer(talk, number):
    talk.request()
    talk.send(PURGED[:30])


@pytest.mark.parametrize("script", [hanging, garbling, echoing, closing_in_mid_answer, None])
def test_a_broken_node_is_transient_and_the_token_told_to_nobody(script, caplog):
    caplog.set_level(logging.DEBUG)
    with scripted(script or answering()) as node:
        url = node.url if script else refused_url()
        with pytest.raises(Transient) as raised:
            varnish(url).send(PurgeBatch.of(["/x/"]), url)

    texts = [*traceback.format_exception(raised.value), caplog.text, repr(raised.value)]
    texts += [repr(varnish()), repr(list(varnish().requests(PurgeBatch.of(["/x/"]))))]
    assert url in str(raised.value)
    assert TOKEN not in "".join(texts)


def test_a_batch_that_bypassed_validation_injects_nothing():
    with scripted(answering()) as node:
        for path in ("/x HTTP/1.1\r\nX: y", "/x\n", "/x y"):
            with pytest.raises(ValueError):
                varnish(node.url).send(PurgeBatch(paths=frozenset({path})), node.url)
        bad = PurgeBatch(tags=frozenset({"a\r\nb"}), prefixes=frozenset({"/x\r\nY: z"}))
        for method in ("xkey", "ban"):
            with pytest.raises(ValueError):
                varnish(node.url, method=method, allow_everything=False).send(bad, node.url)

    assert node.received == []


def test_a_pattern_that_bypassed_validation_is_cut():
    bad = PurgeBatch(patterns=frozenset({"/x\r\nY: z"}))

    assert bans(varnish(), bad) == [{"Dumper-Ban-Path": "^(?:/x.*)$"}]
