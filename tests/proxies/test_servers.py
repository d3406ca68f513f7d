"""The backends against a real nginx and a real Squid, each with the shipped files."""

import gzip
import threading

import pytest

from dumper_purge.backends.nginx import NginxBackend
from dumper_purge.backends.squid import SquidBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import encode_path
from dumper_purge.respond.headers import NOT_STORABLE, Outgoing, browser_field, storable
from tests.backends.scripted import refused_url
from tests.conformance.case import HOST
from tests.conformance.origin import Answer
from tests.nginx.server import TOKEN

pytestmark = pytest.mark.needs("nginx", "squid")

GZIP = ("Accept-Encoding", "gzip, deflate, br")
OUTGOING = {
    "ttl": 31_536_000, "grace": 0, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
    "vary": frozenset(), "has_query": False, "implied_tags": (), "own_tags": (),
}  # fmt: skip


class Edge:
    """A proxy, its backend, and a page behind it."""

    def __init__(self, cls, proxy, page):
        self.cls = cls
        self.url = f"http://127.0.0.1:{proxy.purge_port}"
        self.visitors = f"http://127.0.0.1:{proxy.port}"
        self.page = page(proxy)
        self.says()

    def backend(self, *urls, **options):
        location = urls or (self.url,)
        options = {"token": TOKEN, "hosts": (HOST,), **options}
        return self.cls(alias="edge", location=location, **options)

    def headers(self, **outgoing):
        """Return what Django sends to this edge with a page."""
        sent = storable(
            [self.backend()], HOST, browser_field(None, 0), Outgoing(**{**OUTGOING, **outgoing})
        )
        return [*({"Cache-Control": browser_field(None, 0)} | sent).items()]

    def says(self, *more, **outgoing):
        self.page.says(*self.headers(**outgoing), *more)

    def ask(self, *headers, **request):
        return self.page.ask(*(headers or (GZIP,)), **request)

    def purge(self, *paths, **options):
        backend = self.backend(**options)
        backend.send(PurgeBatch.of(paths or [self.page.path]), backend.nodes[0])


@pytest.fixture(params=["nginx", "squid"])
def edge(request, page):
    cls = {"nginx": NginxBackend, "squid": SquidBackend}[request.param]
    return Edge(cls, request.getfixturevalue(request.param), page)


def test_a_page_is_stored_for_a_year_and_gone_after_its_purge(edge):
    old = edge.ask()
    assert [edge.ask().body for _ in range(3)] == [old.body] * 3

    edge.purge()

    assert edge.ask().body != old.body
    assert len(edge.page.asked) == 2


def test_no_page_is_kept_under_a_question_mark_without_a_query(edge):
    """Django, and each ASGI server, take such a request for one of the path."""
    target = edge.page.path + "?"
    old = edge.ask(target=target)

    edge.purge()

    assert edge.ask(target=target).body != old.body


def test_what_is_not_stored_is_purged_with_success(edge):
    edge.purge("/nowhere/", "/nor/here/")


def test_compressed_pages_are_stored_once_and_purged_by_one(edge):
    zipped = [*edge.headers(vary=frozenset({"accept-encoding"})), ("Vary", "Accept-Encoding"),
              ("Content-Encoding", "gzip")]  # fmt: skip
    edge.page.answers(
        *(Answer(headers=zipped, body=gzip.compress(text)) for text in (b"old", b"new"))
    )
    accepts = ["gzip", "gzip, deflate, br, zstd", "br, gzip", "GZIP"]
    assert [_text(edge, accept) for accept in accepts] == [b"old"] * 4
    assert len(edge.page.asked) == 1

    edge.purge()

    assert [_text(edge, accept) for accept in accepts] == [b"new"] * 4
    assert {asked.headers["accept-encoding"] for asked in edge.page.asked} == {"gzip"}


def test_a_visitor_who_takes_only_brotli_or_nothing_gets_a_page_and_no_old_one(edge):
    def compressing(text):
        def answer(asked):
            zipped = "gzip" in asked.headers.get("accept-encoding", "")
            more = [("Content-Encoding", "gzip")] if zipped else []
            headers = [*edge.headers(vary=frozenset({"accept-encoding"})), *more]
            body = gzip.compress(text) if zipped else text
            return Answer(headers=[*headers, ("Vary", "Accept-Encoding")], body=body)

        return answer

    for text in (b"old", b"new"):
        edge.page.answers(compressing(text))
        edge.purge()
        assert [_text(edge, accept) for accept in ("br", "gzip", "identity", "br")] == [text] * 4


def _text(edge, accept):
    reply = edge.ask(("Accept-Encoding", accept))
    if reply["Content-Encoding"] != "gzip":
        return reply.body
    assert "gzip" in accept.lower()
    return gzip.decompress(reply.body)


def test_a_url_is_purged_whatever_its_scheme(edge):
    for scheme in ("http", "https"):
        old = edge.ask()

        edge.purge(f"{scheme}://{HOST}{edge.page.path}")

        assert edge.ask().body != old.body


def test_a_path_with_other_letters_is_purged(edge):
    target = encode_path(f"{edge.page.path}é+&~(1)/")
    edge.page._origin.rules[target] = [Answer(headers=edge.headers())]
    old = edge.ask(target=target)
    assert edge.ask(target=target).body == old.body

    edge.purge(f"{edge.page.path}é+&~(1)/")

    assert edge.ask(target=target).body != old.body


def test_the_page_of_another_path_stays(edge):
    page = edge.ask()

    edge.purge(f"{edge.page.path}more/")

    assert edge.ask().body == page.body


@pytest.mark.parametrize(
    "outgoing",
    [
        {"vary": frozenset({"accept-language"})},
        {"vary": frozenset({"accept-encoding", "cookie"})},
        {"has_query": True},
        {"ttl": 0},
    ],
    ids=str,
)
def test_what_this_edge_may_not_store_is_not_stored(edge, outgoing):
    edge.says(**outgoing)

    assert not edge.page.is_stored(GZIP)


def test_what_nobody_may_store_is_not_stored(edge):
    edge.page.says(("Cache-Control", NOT_STORABLE))

    assert not edge.page.is_stored(GZIP)


@pytest.mark.parametrize(
    "more",
    [("Vary", "Cookie"), ("Vary", "Accept-Encoding, Origin"), ("Set-Cookie", "a=b")],
    ids=str,
)
def test_a_variant_or_a_cookie_is_not_stored_even_if_django_says_so(edge, more):
    edge.says(more)

    assert not edge.page.is_stored(GZIP)


def test_who_has_a_session_gets_no_stored_page(edge):
    page = edge.ask()

    own = edge.ask(GZIP, ("Cookie", "sessionid=1"))

    assert own.body != page.body
    assert edge.page.asked[-1].headers["cookie"] == "sessionid=1"
    assert edge.ask(GZIP, ("Cookie", "_ga=1")).body == page.body


def test_a_page_that_was_rendered_during_the_purge_is_gone_after_the_second(edge):
    arrived, go = threading.Event(), threading.Event()

    def slow(asked):
        arrived.set()
        go.wait(10)
        return Answer(headers=edge.headers(), body=b"old")

    edge.page.answers(slow, Answer(headers=edge.headers(), body=b"new"))
    visitor = threading.Thread(target=edge.ask)
    visitor.start()
    assert arrived.wait(10)
    edge.purge()
    go.set()
    visitor.join(10)
    assert edge.ask().body == b"old", "else this test tests nothing"

    edge.purge()

    assert edge.ask().body == b"new"


def test_a_visitor_cannot_purge(edge):
    page = edge.ask()

    for target in (edge.page.path, f"http://{HOST}{edge.page.path}"):
        for token in ((), (("Dumper-Token", TOKEN),)):
            edge.ask(GZIP, *token, method="PURGE", target=target)

    assert edge.ask().body == page.body
    assert all("dumper-token" not in asked.headers for asked in edge.page.asked)


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x", f"x{TOKEN}", TOKEN.upper()])
def test_a_wrong_token_is_rejected_with_what_to_check(edge, token):
    page = edge.ask()

    with pytest.raises(Rejected, match=r"40[35] .*check that LOCATION .*OPTIONS\['token'\]"):
        edge.purge(token=token)

    assert edge.ask().body == page.body


@pytest.mark.parametrize("status", [200, 404])
def test_the_port_of_the_visitors_is_no_place_for_purges(edge, status):
    edge.page.says(status=status)
    backend = edge.backend(edge.visitors)

    with pytest.raises(Rejected, match="check that LOCATION is"):
        backend.send(PurgeBatch.of([edge.page.path]), edge.visitors)


def test_of_two_nodes_the_dead_one_is_tried_again_and_the_other_is_purged(edge):
    old = edge.ask()
    dead = refused_url()
    backend = edge.backend(dead, edge.url)
    batch = PurgeBatch.of([edge.page.path])

    with pytest.raises(Transient, match="cannot be reached"):
        backend.send(batch, dead)
    backend.send(batch, edge.url)

    assert edge.ask().body != old.body


def test_thousands_of_urls_are_purged_in_one_go(edge):
    old = edge.ask()

    edge.purge(*(f"/many/{number}/" for number in range(3_000)), edge.page.path)

    assert edge.ask().body != old.body


def test_tags_beside_a_path_are_rejected_and_the_path_is_purged(edge):
    old = edge.ask()

    with pytest.raises(Rejected, match="cannot purge 1 tag") as caught:
        edge.backend().send(PurgeBatch.of([edge.page.path], tags=["menu"]), edge.url)

    assert caught.value.left == PurgeBatch.of(tags=["menu"])
    assert edge.ask().body != old.body


def test_the_visitor_sees_what_was_said_to_browsers(edge):
    for reply in (edge.ask(), edge.ask()):
        assert reply["Cache-Control"].split(", ") == ["max-age=0", "must-revalidate"]
        assert not [name for name in reply.headers if name.lower().startswith("surrogate")]
        assert "31536000" not in str(reply.headers)


def test_an_inspection_names_a_token_that_is_refused(edge):
    assert list(edge.backend().findings()) == []

    (finding,) = edge.backend(token="one-that-is-wrong").findings()

    assert f"edge at {edge.url}" in finding
    assert "one-that-is-wrong" not in finding
