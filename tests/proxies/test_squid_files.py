"""What our Squid stores, under which key, and what Django and visitors get to see."""

import re
import subprocess
import time

import pytest

from dumper_purge.backends.squid import SquidBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected
from tests.conformance.case import HOST, Case
from tests.conformance.origin import Answer
from tests.nginx.server import NGINX_FOLDER
from tests.proxies.squid import EXECUTABLE, SQUID_FOLDER, TOKEN, Squid, free_ports

pytestmark = pytest.mark.needs("squid")

GZIP = ("Accept-Encoding", "gzip")
YEAR = ("Cache-Control", "max-age=0, s-maxage=31536000")


@pytest.fixture
def case(page, squid):
    case = page(squid)
    case.says(YEAR)
    return case


def purge(squid, case, **options):
    url = f"http://127.0.0.1:{squid.purge_port}"
    options = {"token": TOKEN, "hosts": (HOST,), **options}
    SquidBackend(alias="edge", location=(url,), **options).send(PurgeBatch.of([case.path]), url)


def test_a_page_stays_for_longer_than_the_three_days_that_squid_asks_for_by_itself(case):
    case.says(YEAR, ("Age", "9000000"))

    assert case.is_stored(GZIP)


@pytest.mark.parametrize("more", [[], [("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")]])
def test_what_says_nothing_of_its_lifetime_is_not_stored(case, more):
    case.says(*more)

    assert not case.is_stored(GZIP)


def test_an_error_is_not_stored_unless_it_says_so(case):
    case.says(status=404)

    assert not case.is_stored(GZIP)


@pytest.mark.parametrize("lifetime", ["s-maxage=1", "max-age=1"])
def test_what_is_over_is_not_shown_while_django_is_down(case, lifetime):
    case.answers(Answer(headers=[("Cache-Control", lifetime)], body=b"old"), Answer(hangs_up=True))
    case.ask(GZIP)
    time.sleep(2.1)

    reply = case.ask(GZIP)

    assert (reply.status, reply.body == b"old") == (502, False)


def test_a_reload_is_answered_from_the_store(case):
    page = case.ask(GZIP)

    for reload in (
        ("Cache-Control", "no-cache"),
        ("Cache-Control", "max-age=0"),
        ("Pragma", "no-cache"),
    ):
        assert case.ask(GZIP, reload).body == page.body


def test_the_browser_is_not_told_how_old_the_stored_page_is(case):
    case.says(YEAR, ("Age", "1000"))

    assert [case.ask(GZIP)["Age"] for _ in range(2)] == ["", ""]


@pytest.mark.parametrize("who", [("Cookie", "a=1"), ("Cookie", "sessionid=1")])
def test_what_django_says_to_browsers_alone_is_passed_on(case, who):
    case.says(("Cache-Control", "private, max-age=7"), ("Surrogate-Control", "max-age=5"))

    reply = case.ask(GZIP, who, ("Surrogate-Capability", 'a="Surrogate/1.0"'))

    assert reply["Cache-Control"] == "private, max-age=7"
    assert "surrogate-control" not in reply.headers


def test_stored_answers_are_conditional_for_visitors(case):
    case.says(YEAR, ("ETag", '"a"'))
    case.ask(GZIP)

    assert case.ask(GZIP, ("If-None-Match", '"a"')).status == 304
    assert len(case.asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Basic x")],
        [("Cookie", "a=1; csrftoken=2")],
        [("Cookie", "messages=3;b=1")],
        [("Cookie", "sessionid =1")],
    ],
    ids=str,
)
def test_who_is_somebody_is_answered_by_django(case, headers):
    page = case.ask(GZIP)

    own = [case.ask(GZIP, *headers) for _ in range(2)]

    assert len({page.body, *(reply.body for reply in own)}) == 3
    assert (
        dict(headers).items()
        <= {name.title(): value for name, value in case.asked[1].headers.items()}.items()
    )
    assert case.ask(GZIP).body == page.body


def test_a_get_with_a_body_is_refused_or_answered_by_django_and_not_stored(case):
    chunked, sized = ("Transfer-Encoding", "chunked"), ("Content-Length", "1")

    first = case.ask(GZIP, chunked, body=b"1\r\nx\r\n0\r\n\r\n")
    page = case.ask(GZIP)
    last = case.ask(GZIP, chunked, body=b"1\r\nx\r\n0\r\n\r\n")

    assert len({first.body, page.body, last.body}) == len(case.asked) == 3
    assert case.ask(GZIP, sized, body=b"x").status == 411
    assert case.ask(GZIP, ("Content-Length", "0")).body == page.body


def test_a_post_is_passed_as_it_is(case):
    reply = case.ask(GZIP, ("Cookie", "_ga=1"), ("Content-Length", "1"), method="POST", body=b"x")

    assert (reply.status, case.asked[0].method) == (200, "POST")
    assert case.asked[0].headers["cookie"] == "_ga=1"
    assert case.asked[0].headers["accept-encoding"] == "gzip"


def test_an_ignored_path_is_never_stored(origin, squid):
    case = Case(origin, squid.port, "/admin/x/")
    case.says(YEAR)

    assert not case.is_stored(GZIP)


def test_other_cookies_are_not_shown_to_django(case):
    case.ask(GZIP, ("Cookie", "_ga=1; theme=dark"))

    assert "cookie" not in case.asked[0].headers


def test_headers_that_are_not_in_the_key_do_not_reach_django(case):
    text = (NGINX_FOLDER / "dumper_cache.conf").read_text()
    removed = re.findall(r'proxy_set_header (\S+) "";', text)

    case.ask(GZIP, *((name, "evil") for name in [*removed, "Dumper-Token"]))

    assert len(removed) >= 22
    assert "evil" not in case.asked[0].headers.values()
    assert case.asked[0].headers["host"] == "www.example.com"
    assert case.asked[0].headers["x-forwarded-proto"] == "http"


def test_django_is_told_the_visitors_address_and_no_other(case):
    case.ask(GZIP, ("X-Forwarded-For", "1.2.3.4"), ("Cookie", "sessionid=1"))

    assert case.asked[0].headers["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize(
    "host",
    ["other.example.com", "www.example.com:8000", "wwwwexample.com", "www.example.com.evil.com"],
)
def test_unknown_hosts_are_refused(case, host):
    assert case.ask(GZIP, host=host).status == 403
    assert case.ask(GZIP, target=f"http://{host}{case.path}").status == 403
    assert not case.asked


def test_another_spelling_of_the_host_is_the_same_page(case):
    page = case.ask(GZIP)

    assert case.ask(GZIP, host="WWW.EXAMPLE.COM:80").body == page.body
    assert case.ask(GZIP, host="www.example.com.").body == page.body
    assert case.ask(GZIP, host="evil", target=f"http://{HOST}{case.path}").body == page.body
    assert len(case.asked) == 1


def test_the_example_as_it_is_shipped_lets_nobody_purge(origin, page):
    with Squid(backend_port=origin.port, token=None) as squid:
        case = page(squid)
        purger = Case(origin, squid.purge_port, case.path)
        tokens = [("Dumper-Token", token) for token in ("", ".^", "^", "a", " ")]

        assert [purger.ask(token, method="PURGE").status for token in tokens] == [403] * 5


def test_behind_a_terminator_of_tls_one_scheme_is_stored(origin, page):
    changes = {
        "request_header_access X-Forwarded-Proto deny !dumper_at_store\n": "",
        "request_header_add X-Forwarded-Proto http !dumper_at_store\n": "",
        "acl dumper_scheme src all": "acl dumper_scheme req_header X-Forwarded-Proto ^https$",
    }
    with Squid(
        backend_port=origin.port, changes=changes, headers=[("X-Forwarded-Proto", "https")]
    ) as squid:
        case = page(squid)
        case.says(YEAR)
        https, http = ("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")
        page_of_https = case.ask(GZIP, https)

        assert case.ask(GZIP, https).body == page_of_https.body
        assert len({page_of_https.body, case.ask(GZIP, http).body, case.ask(GZIP, http).body}) == 3
        assert [asked.headers["x-forwarded-proto"] for asked in case.asked] == [
            "https",
            "http",
            "http",
        ]
        purge(squid, case)
        assert case.ask(GZIP, https).body != page_of_https.body


def test_the_purge_of_one_scheme_leaves_the_other(case, origin, squid):
    store, https = Case(origin, squid.purge_port, case.path), f"https://{HOST}{case.path}"
    old, old_https = store.ask(GZIP), store.ask(GZIP, target=https)
    assert old.body != old_https.body

    purge(squid, case, schemes=("http",))
    assert store.ask(GZIP).body != old.body
    assert store.ask(GZIP, target=https).body == old_https.body
    purge(squid, case)

    assert store.ask(GZIP, target=https).body != old_https.body


def test_a_purge_that_names_no_encoding_leaves_the_compressed_page(case, squid):
    case.says(YEAR, ("Vary", "Accept-Encoding"))
    old = case.ask(GZIP)

    purge(squid, case, accept_encoding="")
    assert case.ask(GZIP).body == old.body
    purge(squid, case)

    assert case.ask(GZIP).body != old.body


def test_purges_may_come_in_at_a_second_address(origin, page):
    (port,) = free_ports(1)
    more = "accel vhost name=dumper_store"
    changes = {more: f"{more}\nhttp_port 127.0.0.1:{port} {more}"}
    with Squid(backend_port=origin.port, changes=changes) as squid:
        case = page(squid)
        case.says(YEAR)
        old = case.ask(GZIP)
        squid.purge_port = port

        purge(squid, case)

        assert case.ask(GZIP).body != old.body


def test_pages_are_passed_before_the_store_is_reached(origin, page):
    with Squid(backend_port=origin.port, wait=False) as squid:
        case = page(squid)
        case.says(YEAR)

        assert case.ask(GZIP).status == 200


def test_a_refusal_carries_squids_own_words(case, squid):
    with pytest.raises(Rejected, match="403 'Forbidden .ERR_ACCESS_DENIED 0.'"):
        purge(squid, case, token="wrong")


def test_squid_has_nothing_to_say_against_the_files_but_that_via_is_off(tmp_path):
    text = (SQUID_FOLDER / "example.conf").read_text()
    file = tmp_path / "squid.conf"
    file.write_text(text.replace("/etc/squid/dumper/", f"{SQUID_FOLDER}/"))

    done = subprocess.run(
        [EXECUTABLE, "-n", "dumperparse", "-k", "parse", "-f", str(file)],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip

    found = re.findall(r"(?:WARNING|ERROR|FATAL|ALERT).*", done.stderr)
    assert found == ["WARNING: HTTP requires the use of Via"]


def test_each_file_is_included_by_the_example():
    example = (SQUID_FOLDER / "example.conf").read_text()

    assert set(re.findall(r"include \S+/dumper/(\S+)", example)) == {
        file.name for file in SQUID_FOLDER.glob("dumper*.conf")
    }
