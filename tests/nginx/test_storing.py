"""What our nginx stores, under which key, and what Django and visitors get to see."""

import gzip
import random
import re
from pathlib import Path

import pytest

from dumper_purge.paths import encode_path, is_canonical
from tests.conformance.case import Case
from tests.conformance.origin import Answer
from tests.nginx.server import NGINX_FOLDER, Nginx

pytestmark = pytest.mark.needs("nginx")

VCL = Path(__file__).resolve().parent.parent.parent / "vcl" / "dumper_headers.vcl"


def test_a_page_is_stored_and_visitors_see_what_was_said_to_browsers(case):
    miss, hit = case.ask(), case.ask()

    assert [miss["Cache-Status"], hit["Cache-Status"]] == ["nginx; fwd=miss", "nginx; hit"]
    assert hit.body == miss.body
    assert miss["Cache-Control"] == hit["Cache-Control"] == "max-age=0"
    assert not [name for name in hit.headers if name.lower().startswith(("dumper", "surrogate"))]


@pytest.mark.parametrize("cookie", ["sessionid=1", "a=1; csrftoken=2", "messages=3;b=1"])
def test_who_has_a_cookie_of_the_site_is_answered_by_django(case, cookie):
    page = case.ask()

    own = [case.ask(("Cookie", cookie)) for _ in range(2)]

    assert len({page.body, *(reply.body for reply in own)}) == 3
    assert [asked.headers["cookie"] for asked in case.asked[1:]] == [cookie, cookie]
    assert case.ask().body == page.body


def test_other_cookies_are_not_shown_to_django(case):
    page = case.ask(("Cookie", "_ga=1; theme=dark"))

    assert "cookie" not in case.asked[0].headers
    assert case.ask().body == page.body


def test_a_get_with_a_body_is_passed(case):
    page = case.ask()

    assert case.ask(("Content-Length", "0")).body == page.body
    assert case.ask(("Transfer-Encoding", "chunked"), body=b"0\r\n\r\n").body != page.body


def test_declared_queries_are_stored_and_others_are_not(case):
    page = case.ask()
    second = [case.ask(target=f"{case.path}?page=2").body for _ in range(2)]
    others = ["?page=02", "?page=2&x=1", "?utm_source=x", "?x=1", "?"]
    passed = [case.ask(target=case.path + query).body for query in others * 2]

    assert second[0] == second[1] != page.body
    assert len({*passed, page.body, second[0]}) == len(passed) + 2


def test_hosts_are_apart_and_unknown_ones_are_refused(case):
    page = case.ask()

    assert case.ask(host="WWW.example.com.:8000").body == page.body
    assert case.ask(host="other.example.com").status == 421


def test_headers_that_are_not_in_the_key_do_not_reach_django(case):
    removed = re.findall(
        r"unset bereq\.http\.((?!Dumper-)[\w-]+);",
        VCL.read_text().partition("sub dumper_unkeyed {")[2].partition("}")[0],
    )

    case.ask(*((name, "evil") for name in [*removed, "Dumper-Token", "X_Forwarded_Host"]))

    assert len(removed) >= 22
    assert "evil" not in case.asked[0].headers.values()
    assert case.asked[0].headers["host"] == "www.example.com"


def test_all_pages_are_fetched_with_the_same_accept_encoding(case):
    zipped = Answer(
        headers=[("Surrogate-Control", "max-age=600"), ("Content-Encoding", "gzip"),
                 ("Vary", "Accept-Encoding")],
        body=gzip.compress(b"lemon"),
    )  # fmt: skip
    case.answers(zipped)

    replies = [case.ask(("Accept-Encoding", some)) for some in ("br", "gzip, br", "identity")]

    assert [asked.headers["accept-encoding"] for asked in case.asked] == ["gzip"]
    assert [reply["Content-Encoding"] for reply in replies] == ["", "gzip", ""]
    assert [replies[0].body, gzip.decompress(replies[1].body)] == [b"lemon", b"lemon"]


@pytest.mark.parametrize("vary", ["Cookie", "Accept-Language", "Accept-Encoding, Origin", "*"])
def test_no_other_vary_is_stored(case, vary):
    case.says(("Surrogate-Control", "max-age=600"), ("Vary", vary))

    assert not case.is_stored()


def spellings():
    choose = random.Random(20_262)
    visible = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "?#"]
    odd = [f"%{code:02X}" for code in range(1, 256)] + [f"%{code:02x}" for code in range(1, 256)]
    for number in range(400):
        text = "".join(choose.choices(choose.choice([visible, odd]), k=choose.randrange(1, 4)))
        yield f"/a{number}{text}"
        yield encode_path(f"/é{number}{text}")


def test_what_is_looked_up_is_what_django_calls_canonical(case):
    passed = "nginx; fwd=bypass"
    replies = {path: case.ask(target=path) for path in spellings()}

    wrong = [
        path
        for path, reply in replies.items()
        if reply.status != 400 and (reply["Cache-Status"] != passed) != is_canonical(path)
    ]

    assert wrong == []
    assert sum(reply.status == 400 for reply in replies.values()) < 200


@pytest.mark.parametrize("target", ["//evil/", "/a/../b/", "/a/./b/", "/a/..", "/admin/", "/?"])
def test_targets_that_nobody_could_purge_are_passed(case, target):
    assert case.ask(target=target)["Cache-Status"] == "nginx; fwd=bypass"


def test_what_is_passed_keeps_its_conditions_and_its_body(case):
    case.answers(Answer(status=201, body=b"made"))
    body = b"x" * 900_000

    reply = case.ask(
        ("Content-Length", str(len(body))), ("Range", "bytes=0-1"), ("If-None-Match", '"a"'),
        method="POST", body=body,
    )  # fmt: skip

    assert (reply.status, reply.body) == (201, b"made")
    assert (case.asked[0].headers["range"], case.asked[0].headers["if-none-match"]) == (
        "bytes=0-1",
        '"a"',
    )


def test_the_pages_of_one_scheme_are_stored(case):
    assert case.ask()["Cache-Status"] == "nginx; fwd=miss"
    assert case.asked[0].headers["x-forwarded-proto"] == "http"


def test_each_file_is_included_by_the_example():
    example = (NGINX_FOLDER / "example.conf").read_text()

    assert set(re.findall(r"include dumper/(\S+);", example)) == {
        file.name for file in NGINX_FOLDER.glob("dumper*.conf")
    }


def test_a_file_that_django_names_is_sent_by_the_server_of_the_visitors(origin):
    cached = "location / {\n        include dumper/dumper_cache.conf"
    change = {cached: "location /files/ { internal; return 200 lemon; }\n" + cached}
    origin.rules["/download/"] = [Answer(headers=[("X-Accel-Redirect", "/files/1")])]

    with Nginx(backend_port=origin.port, changes=change) as nginx:
        reply = Case(origin, nginx.port, "/download/").ask()

    assert (reply.status, reply.body) == (200, b"lemon")
