"""APIs that nobody wrote a backend for, by OPTIONS alone; nothing breaks out of a template."""

import ast
import json
import os
import re
import string
import textwrap
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from dumper_purge.backends import generic as generic_module
from dumper_purge.backends.api.templates import Template
from dumper_purge.backends.options import build
from dumper_purge.backends.outcome import Verdict
from dumper_purge.batch import Pattern, PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.vendors.generic import OPTIONS as KEYCDN

BACKEND = "dumper_purge.backends.generic.GenericHTTPBackend"
API = "https://api.example.com"
HOST = "www.example.com"
NEWS = PurgeBatch(paths=frozenset({"/news/"}))
EVIL = [
    "/../../zones/delete",
    '/","everything":true,"x":"/',
    "/a\r\nX-Evil: 1/",
    "/a&all=1/",
    "/é/",
]

SOUIN = {
    "base_url": "http://127.0.0.1:2019/souin-api",
    "operations": {
        "urls": {
            "path": "/souin",
            "json": {"type": "uri", "selectors": ["{host}{path}"], "purge": True},
            "items": 100,
        },
        "prefixes": {
            "path": "/souin",
            "json": {"type": "uri-prefix", "selectors": ["{host}{path}"], "purge": True},
            "items": 100,
        },
        "tags": {
            "method": "PURGE",
            "path": "/souin/",
            "headers": {"Surrogate-Key": "{items}"},
            "separator": ", ",
            "items": 100,
            "bytes": 7_000,
        },
        "everything": {"method": "PURGE", "path": "/souin/flush"},
    },
    "tag_field": "Surrogate-Key",
    "tag_separator": ", ",
    "ttl_field": "Souin-Cache-Control",
    "vary": None,
}
CDN77 = {
    "base_url": "https://api.cdn77.com/v3",
    "secret_headers": {"Authorization": "Bearer cdn77-secret"},
    "operations": {
        "urls": {"path": "/cdn/17/job/purge/paths", "json": {"paths": "{items}"}, "items": 2_000},
        "prefixes": {"path": "/cdn/17/job/purge/paths", "json": {"paths": ["{path}*"]}},
        "everything": {"path": "/cdn/17/job/purge-all"},
    },
    "method": "url",
    "by_path": True,
    "success": [202],
}


def generic(hosts=(HOST,), **options):
    options = {"base_url": API, **options}
    return build("cdn", {"BACKEND": BACKEND, "HOSTS": list(hosts), "OPTIONS": options})


def by_url(template, **options):
    """Return a backend with one operation, of URLs."""
    return generic(**{"operations": {"urls": template}, "method": "url", **options})


def bodies(api):
    return [json.loads(call.request.body) for call in api.calls]


@pytest.fixture
def api():
    """Answer 200 to whatever is asked; what was sent is in ``api.calls``."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PUT", "DELETE", "PURGE"):
            mock.add(method, re.compile("https?://.*"), json={"status": "success"})
        yield mock


# Vendors, by their documented requests


def test_keycdn_is_purged_by_tags(api):
    generic(**KEYCDN, base_url="https://api.keycdn.com").send(NEWS, "cdn")

    request = api.calls[0].request
    assert request.method == "DELETE"
    assert request.url == "https://api.keycdn.com/zones/purgetag/12345.json"
    assert request.headers["Authorization"] == "Basic a2V5Y2RuLXNlY3JldDo="
    assert request.body == b'{"tags": ["%s"]}' % path_tag("/news/").encode()


def test_keycdn_is_purged_by_urls_without_a_scheme(api):
    paths = PurgeBatch(paths=frozenset({"/a/", "/b/"}))

    generic(**KEYCDN, method="url").send(paths, "cdn")

    assert api.calls[0].request.url == f"{API}/zones/purgeurl/12345.json"
    assert bodies(api) == [{"urls": [f"{HOST}/a/", f"{HOST}/b/"]}]


def test_keycdn_is_purged_as_a_whole(api):
    generic(**KEYCDN, method="url").send(PurgeBatch(everything=True), "cdn")

    request = api.calls[0].request
    assert (request.method, request.url) == ("GET", f"{API}/zones/purge/12345.json")
    assert request.body is None


def test_the_example_of_the_documentation_is_what_is_tested_here():
    text = textwrap.dedent(generic_module.__doc__.partition("::\n\n")[2].partition("\n\nWhat")[0])

    options = ast.literal_eval("{" + text.strip() + "}")["OPTIONS"]

    operations = {name: KEYCDN["operations"][name] for name in ("tags", "everything")}
    assert options["operations"] == operations
    assert build("cdn", {"BACKEND": BACKEND, "OPTIONS": options}).tag_separator == " "


def test_keycdn_gets_its_tags_between_spaces():
    assert headers(generic(**KEYCDN)) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "Cache-Tag": "everything p1 menu",
    }


def test_souin_is_purged_by_a_header_of_tags():
    with responses.RequestsMock() as api:
        api.add("PURGE", "http://127.0.0.1:2019/souin-api/souin/", status=204)

        generic(**SOUIN).send(PurgeBatch(paths=frozenset({"/a/", "/b/"})), "cdn")

        keys = ", ".join(sorted(map(path_tag, ["/a/", "/b/"])))
        assert [call.request.headers["Surrogate-Key"] for call in api.calls] == [keys]


def test_souin_is_purged_by_selectors(api):
    batch = PurgeBatch(paths=frozenset({"/a/", "/b/"}), prefixes=frozenset({"/news/20"}))

    generic(**SOUIN, method="url").send(batch, "cdn")

    assert {call.request.url for call in api.calls} == {"http://127.0.0.1:2019/souin-api/souin"}
    assert sorted(bodies(api), key=str) == [
        {"type": "uri", "selectors": [f"{HOST}/a/", f"{HOST}/b/"], "purge": True},
        {"type": "uri-prefix", "selectors": [f"{HOST}/news/20"], "purge": True},
    ]


def test_souin_is_flushed(api):
    generic([], **SOUIN).send(PurgeBatch(everything=True), "cdn")

    request = api.calls[0].request
    assert (request.method, request.url.partition("/souin-api")[2]) == ("PURGE", "/souin/flush")


def test_souin_is_told_its_ttl_and_tags_in_headers_of_its_own():
    assert headers(generic(**SOUIN)) == {
        "Souin-Cache-Control": "max-age=31536000, stale-if-error=60",
        "Surrogate-Key": "everything, p1, menu",
    }


def test_cdn77_is_purged_by_paths():
    with responses.RequestsMock() as api:
        url = "https://api.cdn77.com/v3/cdn/17/job/purge/paths"
        api.post(url, status=202, json={"id": "j", "type": "purge", "state": "queued"})

        generic(**CDN77).send(
            PurgeBatch(paths=frozenset({"/a/", "/b/"}), prefixes=frozenset({"/news/"})), "cdn"
        )

        assert sorted(bodies(api), key=str) == [{"paths": ["/a/", "/b/"]}, {"paths": ["/news/*"]}]


def test_cdn77_is_purged_as_a_whole():
    with responses.RequestsMock() as api:
        api.post("https://api.cdn77.com/v3/cdn/17/job/purge-all", status=202, json={"id": "j"})

        generic(**CDN77).send(PurgeBatch(tags=frozenset({"menu"})), "cdn")

        assert api.calls[0].request.headers["Authorization"] == "Bearer cdn77-secret"


def test_a_proxy_is_sent_the_path_itself_and_the_host(api):
    template = {"method": "PURGE", "path": "{path}", "headers": {"Host": "{host}"}}

    by_url(template, base_url="http://127.0.0.1:8080").send(
        PurgeBatch(paths=frozenset({"/caf%C3%A9/a+b;c/"})), "cdn"
    )

    request = api.calls[0].request
    assert request.url == "http://127.0.0.1:8080/caf%C3%A9/a+b;c/"
    assert request.headers["Host"] == HOST


def test_hosts_are_purged_where_everything_is_meant(api):
    operations = {
        "urls": {"path": "/urls", "json": "{items}"},
        "hosts": {"path": "/hosts", "json": {"hostnames": "{items}"}, "items": 30},
    }

    generic(["a.example", "b.example"], method="url", operations=operations).send(
        PurgeBatch(everything=True), "cdn"
    )

    assert bodies(api) == [{"hostnames": ["a.example", "b.example"]}]


def test_a_host_is_named_by_its_placeholder(api):
    operations = {
        "urls": {"path": "/urls", "json": "{items}"},
        "hosts": {"method": "DELETE", "path": "/hosts/{host}"},
    }

    generic(method="url", operations=operations).send(PurgeBatch(everything=True), "cdn")

    assert api.calls[0].request.url.endswith(f"/hosts/{HOST}")


# Nothing breaks out

awkward = st.text(min_size=1, max_size=30) | st.sampled_from(EVIL)


@given(st.lists(awkward, min_size=1, max_size=3))
def test_json_holds_items_as_they_are(items):
    template = Template(path="/p", json={"a": "{items}", "b": ["x {item}"], "c": [1, None]})

    call = template.fill(items)

    assert json.loads(json.dumps(call.json)) == {
        "a": items,
        "b": [f"x {item}" for item in items],
        "c": [1, None],
    }


@given(awkward)
def test_a_query_holds_one_value_and_no_more(item):
    template = Template(path="/p?a=1&url={item}&b=2")

    path, _, query = template.fill([item]).path.partition("?")

    assert path == "/p"
    found = parse_qs(query, keep_blank_values=True, errors="surrogatepass")
    assert found == {"a": ["1"], "url": [item], "b": ["2"]}


@given(awkward)
def test_a_segment_of_a_path_stays_one_segment(item):
    template = Template(path="/zone/{item}/purge")

    path = template.fill([item]).path

    assert re.fullmatch(r"/zone/[A-Za-z0-9._~%-]+/purge", path)


@given(awkward)
def test_a_path_adds_neither_query_nor_fragment(item):
    path = Template(path="/cache{path}").fill([item]).path

    parts = urlsplit(path)
    assert parts.query == parts.fragment == ""
    assert re.fullmatch(r"[\x21-\x7e]+", path)


@given(awkward)
def test_a_header_stays_one_line_of_ascii(item):
    headers = Template(path="/p", headers={"X-Key": "a {item}"}).fill([item]).headers

    assert re.fullmatch(r"a [\x21-\x7e]+", headers["X-Key"])


@given(st.lists(awkward, min_size=1, max_size=3))
def test_a_form_holds_one_value_and_no_more(items):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    template = Template(path="/p", headers=form, text="a=1&keys={items}", separator="|")

    text = template.fill(items).text

    assert parse_qs(text, keep_blank_values=True) == {"a": ["1"], "keys": ["|".join(items)]}


@given(awkward)
def test_xml_holds_text_and_no_more(item):
    headers = {"Content-Type": "application/xml"}
    template = Template(path="/p", headers=headers, text='<a><b c="{item}">{item}</b></a>')

    root = ET.fromstring(template.fill([item]).text)

    assert [element.tag for element in root.iter()] == ["a", "b"]
    assert root[0].text == root[0].attrib["c"]


@given(awkward)
def test_json_that_is_written_as_text_holds_one_value_and_no_more(item):
    headers = {"Content-Type": "application/json"}
    template = Template(path="/p", headers=headers, text='{"prefix": "{item}"}')

    filled = json.loads(template.fill([item]).text)

    assert filled == {"prefix": quote(item, safe=string.punctuation)}


@given(st.lists(awkward, min_size=1, max_size=3))
def test_text_has_a_line_for_each_item(items):
    template = Template(path="/p", text="{items}", separator="\n")

    assert len(template.fill(items).text.splitlines()) == len(items)


def test_what_an_item_holds_is_not_filled_again():
    assert Template(path="/p", json=["{item}"]).fill(["{host}{items}"]).json == ["{host}{items}"]


@pytest.mark.parametrize("path", ["/../../zones/12345/delete", "/a/./b/", "/.."])
def test_a_path_with_dots_for_segments_is_no_page_and_not_sent(api, path):
    backend = by_url({"path": "/purge{path}"})
    batch = PurgeBatch(paths=frozenset({path, "/good/"}))

    backend.send(batch, "cdn")

    assert [call.request.url for call in api.calls] == [f"{API}/purge/good/"]


def test_dots_that_a_server_would_decode_are_kept_as_failed(api):
    backend = by_url({"path": "/purge{path}"})
    batch = PurgeBatch(paths=frozenset({"/a/%2e%2e/%2E%2E/x", "/good/"}))

    with pytest.raises(Rejected, match=r"cdn cannot name .* makes a path with '\.' or '\.\.'"):
        backend.send(batch, "cdn")

    assert [call.request.url for call in api.calls] == [f"{API}/purge/good/"]


def test_a_tag_of_dots_is_sent_and_purged_as_a_hash(api):
    operations = {"tags": {"path": "/purge/{item}"}}
    backend = generic(operations=operations, tag_field="Cache-Tag")

    backend.send(PurgeBatch(tags=frozenset({".."})), "cdn")

    assert all("/purge/" in call.request.url for call in api.calls)
    assert ".." not in headers(backend, own_tags=("..",))["Cache-Tag"]


def test_an_item_with_the_separator_in_it_is_not_sent_and_the_others_are(api):
    template = {"path": "/purge", "headers": {"X-Urls": "{items}"}, "items": 10}
    batch = PurgeBatch(paths=frozenset({"/a,b/", "/c/", "/d/"}))

    with pytest.raises(Rejected, match="has the separator ',' in it") as caught:
        by_url(template).send(batch, "cdn")

    sent = {url for call in api.calls for url in call.request.headers["X-Urls"].split(",")}
    assert sent == {f"https://{HOST}/c/", f"https://{HOST}/d/"}
    assert caught.value.left == PurgeBatch(paths=frozenset({"/a,b/"}))


def test_a_pattern_with_odd_characters_stays_in_its_place(api):
    operations = {
        "urls": {"path": "/purge?url={item}"},
        "prefixes": {"path": "/purge?prefix={item}", "headers": {"X-Prefix": "{path}"}},
    }
    pattern = Pattern("/é: y&z=1/.*").regex

    generic(operations=operations, method="url").send(
        PurgeBatch(patterns=frozenset({pattern})), "cdn"
    )

    (request,) = [call.request for call in api.calls]
    assert request.params == {"prefix": f"https://{HOST}/é: y&z=1/"}
    assert request.headers["X-Prefix"] == "/%C3%A9:%20y&z=1/"


def test_a_body_of_text_is_sent_with_its_content_type(api):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    by_url({"path": "/purge", "headers": form, "text": "url={item}"}).send(NEWS, "cdn")

    request = api.calls[0].request
    assert request.body == b"url=https%3A%2F%2Fwww.example.com%2Fnews%2F"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


# Limits


def test_calls_hold_as_many_items_and_bytes_as_they_may(api):
    template = {"path": "/purge", "json": "{items}", "items": 4, "bytes": 100}
    paths = frozenset(f"/{number:02}/" for number in range(9))

    by_url(template).send(PurgeBatch(paths=paths), "cdn")

    # Each URL has 27 characters, and 4 stand between.
    assert sorted(map(len, bodies(api))) == [3, 3, 3]


def test_what_is_not_configured_escalates(api):
    operations = {"urls": {"path": "/purge", "json": "{items}"}, "everything": {"path": "/all"}}

    generic(operations=operations, method="url").send(
        PurgeBatch(prefixes=frozenset({"/news/"})), "cdn"
    )

    assert [call.request.url for call in api.calls] == [f"{API}/all"]


def test_what_can_be_purged_by_nothing_is_rejected(api):
    with pytest.raises(Rejected, match="cdn cannot purge"):
        by_url({"path": "/purge", "json": "{items}"}).send(PurgeBatch(everything=True), "cdn")

    assert not api.calls


# Answers


@pytest.mark.parametrize(
    ("options", "status", "body", "verdict"),
    [
        ({}, 200, "", Verdict.DONE),
        ({}, 204, "", Verdict.DONE),
        ({}, 200, " <html>", Verdict.TRANSIENT),
        ({}, 203, "", Verdict.TRANSIENT),
        ({"success": [203]}, 203, "", Verdict.DONE),
        ({"success": [203]}, 200, "", Verdict.TRANSIENT),
        ({"confirm": {"/ok": True}}, 200, '{"ok": true}', Verdict.DONE),
        ({"confirm": {"/ok": True}}, 200, '{"ok": false}', Verdict.TRANSIENT),
        ({"confirm": {"/ok": True}}, 200, "", Verdict.TRANSIENT),
        ({"confirm": {"/error": None}}, 200, "{}", Verdict.DONE),
        ({"confirm": {"/error": None}}, 200, "<html>", Verdict.TRANSIENT),
        ({"confirm": {"/a~1b/1/~0": "x"}}, 200, '{"a/b": [0, {"~": "x"}]}', Verdict.DONE),
        ({"confirm": {"/a/5": "x"}}, 200, '{"a": []}', Verdict.TRANSIENT),
        ({"confirm": {"/a/b": "x"}}, 200, '{"a": "x"}', Verdict.TRANSIENT),
        ({}, 429, "", Verdict.THROTTLED),
        ({}, 400, "", Verdict.BAD_ITEM),
        ({}, 413, "", Verdict.TOO_BIG),
        ({}, 403, "", Verdict.REFUSED),
        ({}, 500, "", Verdict.TRANSIENT),
        ({"statuses": {403: "throttled"}}, 403, "", Verdict.THROTTLED),
        ({"statuses": {400: "too_big"}}, 400, "", Verdict.TOO_BIG),
        ({"statuses": {403: "bad_item"}}, 403, "", Verdict.BAD_ITEM),
        ({"statuses": {403: "transient"}}, 403, "", Verdict.TRANSIENT),
        ({"statuses": {503: "refused"}}, 503, "", Verdict.REFUSED),
    ],
)
def test_an_answer_means_what_the_options_say(options, status, body, verdict):
    backend = by_url({"path": "/purge", "json": "{items}"}, **options)

    with responses.RequestsMock() as api:
        api.post(f"{API}/purge", status=status, body=body)

        assert backend.call("purge_urls", ["https://www.example.com/"])[0] is verdict


def test_the_header_that_says_when_to_come_again_is_an_option():
    backend = by_url({"path": "/purge", "json": "{items}"}, wait_header="X-Rate-Limit-Reset")

    with responses.RequestsMock() as api:
        api.post(f"{API}/purge", status=429, headers={"X-Rate-Limit-Reset": "17"})
        with pytest.raises(Transient) as caught:
            backend.send(NEWS, "cdn")

    assert caught.value.retry_after == 17


# Secrets


def test_secrets_are_in_no_repr_and_in_no_error_even_if_the_api_repeats_them():
    backend = generic(**KEYCDN)

    with responses.RequestsMock() as api:
        said = "no right for Basic a2V5Y2RuLXNlY3JldDo= (a2V5Y2RuLXNlY3JldDo=)"
        api.delete(f"{API}/zones/purgetag/12345.json", status=403, body=said)
        with pytest.raises(Rejected) as caught:
            backend.send(NEWS, "cdn")

    shown = repr(backend) + repr(backend.auth()) + str(caught.value)
    assert "a2V5Y2Ru" not in shown
    assert "no right for ***" in shown


# Options

URLS = {"path": "/purge", "json": "{items}"}


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (["/purge"], r"= \['/purge'\] must be a dict with 'path'"),
        ({}, "has no 'path': write what comes after base_url, such as '/purge'"),
        ({**URLS, "url": "x"}, "has the unknown key 'url': use bytes, headers, items, json"),
        ({**URLS, "path": 5}, "has 'path' = 5, which must be a str"),
        ({**URLS, "path": "purge"}, "has 'path' = 'purge', which must begin with '/'"),
        ({**URLS, "path": "/a b"}, "has 'path' = '/a b', which must begin with '/'"),
        ({**URLS, "path": "/a#b"}, "has 'path' = '/a#b', which must begin with '/'"),
        ({**URLS, "path": "/a\n"}, r"has 'path' = '/a\\n', which must begin with '/'"),
        ({**URLS, "method": "Purge it"}, "has 'method' = 'Purge it', which must be like 'POST'"),
        ({**URLS, "headers": ["a"]}, r"has 'headers' = \['a'\], which must be a mapping"),
        ({**URLS, "headers": {"a b": "c"}}, "'headers' has 'a b', which is no name of a header"),
        ({**URLS, "headers": {"a": "b\nc"}}, "'headers' has 'a' with a value that must be print"),
        (
            {**URLS, "headers": {"authorization": "x"}},
            "has a secret in 'headers': put it into the option secret_headers",
        ),
        ({**URLS, "text": "{items}"}, "has both 'json' and 'text': a call has one body"),
        ({**URLS, "json": {"{items}", 1}}, "has 'json' that cannot be written as JSON"),
        ({**URLS, "items": 0}, "has 'items' = 0, which must be 1 or more"),
        ({**URLS, "items": True}, "has 'items' = True, which must be 1 or more"),
        ({**URLS, "bytes": "1k"}, "has 'bytes' = '1k', which must be 1 or more"),
        ({**URLS, "json": "{itme}"}, r"has \{itme\}, and knows \{host\} or \{item\} or \{items\}"),
        ({**URLS, "json": {"a": 1}}, "names nothing that is purged: put {item} or {items}"),
        ({**URLS, "json": {"{item}": 1}}, "names nothing that is purged"),
        (
            {**URLS, "json": {"a": "{path}"}, "items": 2},
            r"has \{path\}, and 'items' = 2: set it to 1, or use \{items\}, or \['\{path\}'\]",
        ),
        ({"path": "/purge?{item}", "items": 2}, r"has \{item\}, and 'items' = 2: set it to 1"),
        ({"path": "/p/{items}", "separator": "/"}, "has 'separator' = '/', which must be print"),
        ({"path": "/p?a={items}", "separator": "&"}, "has 'separator' = '&', which must be print"),
        ({**URLS, "text": None, "json": None}, "has 'text' = None, which must be a str"),
        (
            {"path": "/p", "headers": {"A": "{items}"}, "separator": "\n"},
            r"has 'separator' = '\\n', which must be printable ASCII, and fit",
        ),
        ({"path": "/p", "text": "{items}", "separator": ""}, "has 'separator' = ''"),
    ],
)
def test_a_bad_template_is_named_with_its_remedy(template, problem):
    with pytest.raises(ImproperlyConfigured, match=problem) as caught:
        by_url(template)

    assert "DUMPER_BACKENDS['cdn']['OPTIONS']['operations'] for 'urls' " in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"operations": {}}, r"\['operations'\] must have 'urls', since the method is 'url'"),
        ({"operations": {"url": URLS}}, r"\['operations'\] for 'url' is unknown: use urls, tags"),
        ({"operations": "x"}, r"\['operations'\] = 'x' must be a"),
        ({"method": "tag"}, r"\['operations'\] must have 'tags', since the method is 'tag'"),
        (
            {"operations": {"urls": URLS, "everything": URLS}},
            r"for 'everything' has \{items\}, and knows no placeholder",
        ),
        (
            {"operations": {"urls": {"path": "{host}", "json": "{items}"}}},
            r"has 'path' = '\{host\}', which must begin with '/'",
        ),
        (
            {"by_path": True, "operations": {"urls": {"path": "/p/{host}"}}},
            r"has \{host\}, and knows \{item\} or \{items\} or \{path\}",
        ),
        ({"secret_headers": {"X-Key": "a\nb"}}, r"\['secret_headers'\] has 'X-Key' with a value"),
        ({"secret_headers": {"X Key": "ab"}}, r"has 'X Key', which is no name of a header"),
        ({"secret_headers": "secret"}, r"\['secret_headers'\] must be a"),
        ({"statuses": {403: "bad"}}, r"\['statuses'\] = \{403: 'bad'\} must be like \{420:"),
        ({"statuses": {"403": "refused"}}, r"\['statuses'\] = .* must be like \{420:"),
        ({"confirm": {"status": "ok"}}, r"\['confirm'\] = .* must have keys like '/status'"),
        ({"success": ["200"]}, r"\['success'\] = \['200'\] must be a list, each a whole number"),
        ({"tag_form": "[a-z]+"}, r"\['tag_form'\] = '\[a-z\]\+' must be a re.Pattern"),
        ({"base_url": None}, r"\['base_url'\] = None must be a str"),
        ({"soft": True}, r"\['soft'\] must be False"),
    ],
)
def test_a_bad_option_is_named_with_its_remedy(options, problem):
    with pytest.raises(ImproperlyConfigured, match=problem) as caught:
        by_url(URLS, **options)

    assert "secret'" not in str(caught.value)
    assert "a\nb" not in str(caught.value)


def test_tags_need_a_header():
    with pytest.raises(ImproperlyConfigured, match=r"\['tag_field'\] must name the response"):
        generic(operations={"tags": URLS})


@pytest.mark.parametrize("missing", ["base_url", "operations"])
def test_what_is_required_is_named(missing):
    options = {"base_url": API, "operations": {"urls": URLS}, "method": "url"}
    del options[missing]

    with pytest.raises(ImproperlyConfigured, match=rf"\['{missing}'\] is missing"):
        build("cdn", {"BACKEND": BACKEND, "HOSTS": [HOST], "OPTIONS": options})


# Headers


def outgoing(**changes):
    values = {
        "ttl": 31_536_000, "grace": 60, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
        "vary": frozenset(), "has_query": False, "implied_tags": ("everything", "p1"),
        "own_tags": ("menu",),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def headers(backend, **changes):
    return storable([backend], HOST, "max-age=0, must-revalidate", outgoing(**changes))


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({}, {"vary": frozenset({"accept-encoding"})}),
        ({}, {"ttl": 0}),
        ({"max_tags": 1}, {}),
        ({"max_tag_bytes": 5}, {}),
    ],
)
def test_what_must_not_be_stored_says_so_and_has_no_tag(options, changes):
    backend = generic(**KEYCDN, **options)

    assert headers(backend, **changes) == {"Cache-Control": "max-age=0, must-revalidate, private"}


@pytest.mark.parametrize("vary", [None, ["Accept-Encoding"]])
def test_what_the_cache_keeps_variants_for_may_vary(vary):
    backend = generic(**KEYCDN, vary=vary)

    assert "Cache-Tag" in headers(backend, vary=frozenset({"accept-encoding"}))


def test_queries_are_stored_where_a_purge_covers_them():
    backend = by_url(URLS, covers_query=True)

    assert "s-maxage" in headers(backend, has_query=True)["Cache-Control"]
    assert "private" in headers(by_url(URLS), has_query=True)["Cache-Control"]


def test_the_form_of_tags_is_an_option():
    backend = generic(**KEYCDN, tag_form=re.compile(r"[a-z]+"))

    assert headers(backend)["Cache-Tag"].startswith("everything h-")


@pytest.mark.skipif("DUMPER_LIVE_GENERIC_OPTIONS" not in os.environ, reason="needs an API")
def test_a_real_api_takes_a_purge():
    options = json.loads(os.environ["DUMPER_LIVE_GENERIC_OPTIONS"])
    host = os.environ.get("DUMPER_LIVE_GENERIC_HOST", HOST)

    generic([host], **options).send(PurgeBatch(paths=frozenset({"/dumper-live-test/"})), "cdn")
