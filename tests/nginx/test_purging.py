"""What a purge removes from our nginx, and who may send one."""

import gzip

import pytest

from tests.conformance.origin import Answer
from tests.nginx.server import TOKEN

pytestmark = pytest.mark.needs("nginx")

ALLOWED = ("Dumper-Token", TOKEN)


def test_a_purged_page_is_gone(case, purger):
    old = case.ask()

    purged = purger.ask(ALLOWED, method="PURGE")

    assert purged.status == 200
    assert case.ask().body != old.body
    assert case.ask()["Cache-Status"] == "nginx; hit"


def test_what_is_not_stored_is_a_404(purger):
    assert purger.ask(ALLOWED, method="PURGE").status == 404


def test_compressed_and_plain_are_purged_by_one(case, purger):
    zipped = [("Surrogate-Control", "max-age=600"), ("Vary", "Accept-Encoding"),
              ("Content-Encoding", "gzip")]  # fmt: skip
    case.answers(*(Answer(headers=zipped, body=gzip.compress(text)) for text in (b"old", b"new")))
    accepts = [("Accept-Encoding", "gzip"), ("Accept-Encoding", "br")]
    assert [_plain(case.ask(accept)) for accept in accepts] == [b"old", b"old"]

    purger.ask(ALLOWED, method="PURGE")

    assert [_plain(case.ask(accept)) for accept in accepts] == [b"new", b"new"]


def _plain(reply):
    return gzip.decompress(reply.body) if reply["Content-Encoding"] == "gzip" else reply.body


def test_a_query_is_a_page_of_its_own(case, purger):
    first, second = case.ask(), case.ask(target=f"{case.path}?page=2")

    purger.ask(ALLOWED, method="PURGE", target=f"{case.path}?page=2")

    assert case.ask().body == first.body
    assert case.ask(target=f"{case.path}?page=2").body != second.body


def test_another_spelling_of_the_host_is_the_same_page(case, purger):
    old = case.ask()

    assert purger.ask(ALLOWED, method="PURGE", host="WWW.EXAMPLE.COM:80").status == 200
    assert case.ask().body != old.body


def test_the_page_of_another_host_stays(case, purger):
    page = case.ask()

    purger.ask(ALLOWED, method="PURGE", host="example.com")

    assert case.ask().body == page.body


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN.upper(), f"{TOKEN}x", f"x{TOKEN}"])
def test_without_the_token_nothing_is_purged(case, purger, token):
    page = case.ask()

    headers = [] if token is None else [("Dumper-Token", token)]

    assert purger.ask(*headers, method="PURGE").status == 405
    assert case.ask().body == page.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "BAN"])
def test_only_the_method_purge_purges(case, purger, method):
    page = case.ask()

    assert purger.ask(ALLOWED, method=method).status == 405
    assert case.ask().body == page.body


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Forwarded-For", "127.0.0.1")],
        [("X-HTTP-Method-Override", "PURGE")],
        [("Dumper-Purge", "wait"), ("xkey-purge", "a")],
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["PURGE", "BAN", "GET", "POST"])
def test_visitors_cannot_purge_not_even_with_the_token(case, method, headers):
    page = case.ask()

    for target in (case.path, f"http://www.example.com{case.path}", f"/purge{case.path}"):
        case.ask(ALLOWED, *headers, method=method, target=target)

    assert case.ask().body == page.body
    assert all("dumper-token" not in asked.headers for asked in case.asked)


def test_a_purge_in_the_body_of_a_request_is_not_read_as_one(case):
    page = case.ask()
    hidden = f"PURGE {case.path} HTTP/1.1\r\nHost: www.example.com\r\nDumper-Token: {TOKEN}\r\n\r\n"
    body = f"0\r\n\r\n{hidden}".encode()

    case.ask(
        ("Content-Length", str(len(body))), ("Transfer-Encoding", "chunked"),
        method="POST", body=body,
    )  # fmt: skip

    assert case.ask().body == page.body


def test_no_worker_died(case, purger, nginx):
    for _ in range(50):
        case.ask()
        purger.ask(ALLOWED, method="PURGE")

    assert "exited on signal" not in nginx.log()
