"""What the .vtc files cannot say: the shipped example as it is, and many requests at random."""

import http.client
import random
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import pytest
from django.template.defaultfilters import urlencode as urlencode_filter
from django.utils.http import urlencode

from dumper_purge.paths import encode_path, is_canonical
from tests.varnish import TOKEN, VCL_FOLDER, Varnishd, example_vcl, version

pytestmark = pytest.mark.needs("varnishd")

AGE = 20_000_001
"""At this age a 32-bit float knows no odd number of seconds."""


class Origin(BaseHTTPRequestHandler):
    """Answers every GET with a page that may be stored for a year, and is old already."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Surrogate-Control", "max-age=31536000")
        self.send_header("xkey", "everything")
        self.send_header("Age", str(AGE))
        self.send_header("ETag", '"tag"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def varnish(origin: int) -> Iterator[Varnishd]:
    text = example_vcl(origin)
    declared = text.replace("&(?:page)", "&(?:page|q|tags)")
    assert declared != text
    with Varnishd(declared) as varnish:
        yield varnish


def talk(varnish: Varnishd) -> "closing[http.client.HTTPConnection]":
    return closing(http.client.HTTPConnection("127.0.0.1", varnish.port, timeout=10))


@pytest.fixture
def connection(varnish: Varnishd) -> Iterator[http.client.HTTPConnection]:
    with talk(varnish) as connection:
        yield connection


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # http.client would refuse some of the paths that visitors may send.
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in named.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    return response


def status(response: http.client.HTTPResponse) -> str:
    return response.headers["Cache-Status"].removeprefix("varnish; ")


def test_the_example_loads_as_it_is_and_lets_nobody_purge_until_it_has_a_token() -> None:
    headers = [{}, {"Dumper_Token": ""}, {"Dumper_Token": TOKEN}]
    with Varnishd((VCL_FOLDER / "example.vcl").read_text()) as varnish, talk(varnish) as connection:
        answers = [ask(connection, "/", "PURGE", **some).status for some in headers]

    assert answers == [405, 405, 405]


def test_the_example_needs_no_xkey(origin: int) -> None:
    with Varnishd(example_vcl(origin, xkey=False)) as varnish, talk(varnish) as connection:
        ask(connection, "/")

        answer = ask(connection, "/", "PURGE", Dumper_Token=TOKEN)

        assert (answer.status, answer.reason) == (200, "Purged")
        assert status(ask(connection, "/")) != "hit"


PURGES = [
    {"method": "PURGE"},
    {"method": "PURGE", "Dumper_Purge": "wait"},
    {"method": "PURGE", "Dumper_Purge": "soft"},
    {"method": "PURGE", "xkey_purge": "everything"},
    {"method": "PURGE", "xkey_softpurge": "everything"},
    {"method": "BAN", "Dumper_Ban_Path": "^/"},
]


def after_purges(connection: http.client.HTTPConnection, purge: dict[str, str]) -> set[str]:
    """Return what became of the requests that each came right after a purge."""
    outcomes = set()
    for trial in range(60):
        path = f"/old/{'/'.join(purge)}/{purge.get('Dumper_Purge')}/{trial}"
        ask(connection, path)
        assert status(ask(connection, path)) == "hit"

        assert ask(connection, path, **purge, Dumper_Token=TOKEN).status == 200

        outcomes.add(status(ask(connection, path)))
    return outcomes


@pytest.mark.parametrize("purge", PURGES, ids=str)
def test_a_page_that_is_months_old_is_no_hit_right_after_its_purge(
    connection: http.client.HTTPConnection, purge: dict[str, str]
) -> None:
    assert "hit" not in after_purges(connection, purge)


@pytest.mark.skipif(version() >= (7, 5), reason="TTLs are 64-bit floats from 7.5 on")
def test_without_a_second_look_old_pages_stay_hits_for_a_moment(
    origin: int, tmp_path: Path
) -> None:
    for file in VCL_FOLDER.glob("*.vcl"):
        text = file.read_text()
        text = text.replace("    call dumper_fresh;", "    if (false) { call dumper_fresh; }")
        (tmp_path / file.name).write_text(text)

    with Varnishd(backend_port=origin, folder=tmp_path) as varnish, talk(varnish) as connection:
        assert "hit" in after_purges(connection, PURGES[2])


def spellings(seed: int, count: int) -> Iterator[str]:
    """Yield paths, about half of them canonical."""
    choose = random.Random(seed)
    visible = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "?#"]
    encoded = [f"%{code:02X}" for code in range(256)]
    odd = [f"%{code:02x}" for code in range(256)] + ["%", "%2", "//", "/../", "/./", "/..", "/."]
    for _ in range(count):
        alphabet = choose.choice([visible, encoded, odd, list("abc/._~")])
        path = "/a" + "".join(choose.choices(alphabet, k=choose.randrange(1, 5)))
        yield path
        yield encode_path("/é" + "".join(choose.choices([*visible, " ", "ü"], k=3)))


def test_what_is_stored_is_what_django_calls_canonical(
    connection: http.client.HTTPConnection,
) -> None:
    wrong = []
    for path in spellings(seed=20_260, count=1_500):
        stored = status(ask(connection, path)) != "fwd=bypass"
        if stored != is_canonical(path):
            wrong.append(path)

    assert wrong == []


def test_what_urlencode_writes_is_stored(connection: http.client.HTTPConnection) -> None:
    choose = random.Random(20_261)
    texts = ["".join(chr(choose.randrange(1, 400)) for _ in range(4)) for _ in range(200)]
    queries = [urlencode({"q": text, "page": 2}) for text in texts]
    queries += [f"q={urlencode_filter(text)}&tags={text.encode().hex()}" for text in texts]

    for query in queries:
        ask(connection, f"/query/?{query}")
        assert status(ask(connection, f"/query/?{query}")) == "hit", query


def mixes(name: str) -> set[str]:
    """Return a header's spellings with "_" for some or all of its "-"."""
    first, *others = name.split("-")
    glued = ["".join(marks) for marks in product(*([f"-{part}", f"_{part}"] for part in others))]
    return {first + rest for rest in glued} - {name}


def test_every_mix_of_dashes_and_underscores_is_removed() -> None:
    text = (VCL_FOLDER / "dumper_headers.vcl").read_text()
    start, middle = text.index("sub dumper_unkeyed {"), text.index("sub dumper_unkeyed_underscores")
    unset = re.compile(r"unset bereq\.http\.(?!Dumper-)([\w-]+);")
    removed = unset.findall(text[start:middle])
    vary = ["X-Forwarded-Proto", "Accept-Charset", "Accept-Encoding", "Accept-Language"]
    vary += ["X-Requested-With"]

    listed = unset.findall(text[middle : text.index("}", middle)])

    assert len(removed) == 22
    assert sorted(listed) == sorted(set().union(*map(mixes, removed + vary)))


def test_nothing_varies_on_what_is_removed() -> None:
    text = (VCL_FOLDER / "dumper_headers.vcl").read_text()
    removed = re.findall(r"unset bereq\.http\.(?!Dumper-)([\w-]+);", text)
    pattern = re.search(r'regsuball\(beresp\.http\.Vary, \{"\(\?ix\)(.*?)"\}, ""', text, re.DOTALL)
    assert pattern

    members = re.compile(pattern[1], re.VERBOSE | re.IGNORECASE)

    assert [name for name in removed if not members.fullmatch(name)] == []
    assert not members.search("X-Forwarded-Proto, Accept-Language, Dumper-Query, X-Requested-With")


@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"p{number}" for number in range(900)),
        "&".join(f"p{number}=1" for number in range(700)) + "&p1=2",
        "a" * 7_000,
        "&" * 7_000,
        "utm_a=1&" * 800,
        "=&" * 3_000,
        "?" * 7_000,
    ],
    ids=lambda query: query[:12],
)
def test_no_query_is_too_much_for_the_normalisation(
    connection: http.client.HTTPConnection, query: str
) -> None:
    assert ask(connection, f"/page/?{query}").status == 200


@pytest.mark.parametrize("path", ["/" + "%C3%A9" * 1_100, "/" + "a/" * 3_500, "/" + "a.." * 2_000])
def test_no_path_is_too_much_for_the_normalisation(
    connection: http.client.HTTPConnection, path: str
) -> None:
    assert ask(connection, path).status == 200


@pytest.mark.parametrize("tags", ['"a", ' * 1_500, '"' * 7_900, "," * 7_900, '"a"' * 600])
def test_no_tags_are_too_much_to_compare(connection: http.client.HTTPConnection, tags: str) -> None:
    more = {f"X_{number}": "z" * 7_000 for number in range(2)}
    for _ in range(2):
        response = ask(connection, "/tags/", If_None_Match=tags, **more)

    assert response.status == 200


@pytest.mark.parametrize("size", [7_900, 3_900])
@pytest.mark.parametrize("rest", ["", "?" + "x=1&" * 90 + "y" * 1_500, "?" + "y" * 7_000])
@pytest.mark.parametrize("cookie", ["a=1; ", ";", "b", "é"])
def test_no_cookies_are_too_much_for_the_normalisation(
    connection: http.client.HTTPConnection, cookie: str, rest: str, size: int
) -> None:
    cookies = (cookie * size)[:size]
    more = {f"X_{number}": "z" * 7_000 for number in range(2 if size < 7_000 else 1)}

    response = ask(connection, f"/cookies/{rest}", Cookie=f"{cookies}; csrftoken=1", **more)

    assert response.status == 200
