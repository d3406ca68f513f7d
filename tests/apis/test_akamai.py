"""What Akamai's Fast Purge is sent, byte for byte, and what is made of its answers."""

import json
import logging
import os
import sys
from importlib.resources import files

import pytest
import requests
import responses
from akamai.edgegrid import edgegrid
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.options import build
from dumper_purge.backends.pairs import conflicts
from dumper_purge.backends.vendors.akamai_signer import Signer
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.vendors import akamai as vendor

BACKEND = "dumper_purge.backends.akamai.AkamaiBackend"
URL = "https://akab-host.luna.akamaiapis.net"
TOKENS = {
    "client_token": "akab-client-token-secret",
    "client_secret": "akamai-client-secret=",
    "access_token": "akab-access-token-secret",
}
HOST = "www.example.com"
MENU = PurgeBatch(tags=frozenset({"menu"}))
NEWS = PurgeBatch(paths=frozenset({"/news/"}))
BROWSER = "max-age=0, must-revalidate"


def akamai(hosts=(HOST,), **options):
    options = {"base_url": URL, **TOKENS, **options}
    chosen = {name: value for name, value in options.items() if value is not None}
    return build("akamai", {"BACKEND": BACKEND, "HOSTS": list(hosts), "OPTIONS": chosen})


def answered(answer=vendor.DONE):
    return responses.Response(
        responses.POST,
        f"{URL}/ccu/v3/delete/tag/production",
        body=answer.encoded,
        status=answer.status,
        headers=answer.headers,
    )


@pytest.fixture
def api():
    """Answer every call as Akamai does; what was sent is in ``api.calls``."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def accept(api):
    """Return a function that lets a call be accepted, at that path only."""

    def at(path):
        api.add(responses.POST, URL + path, json=vendor.DONE.body, status=201)

    return at


def outgoing(**changes):
    values = {
        "ttl": 31_536_000, "grace": 60, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
        "vary": frozenset(), "has_query": False, "implied_tags": ("everything", "p1"),
        "own_tags": ("shop.flavour:5",),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def headers(backend, **changes):
    return storable([backend], HOST, BROWSER, outgoing(**changes))


# What is sent


def test_tags_are_deleted_in_one_signed_call(api, accept):
    accept("/ccu/v3/delete/tag/production")

    akamai().send(MENU, "akamai")

    [call] = api.calls
    assert call.request.method == "POST"
    assert call.request.url == f"{URL}/ccu/v3/delete/tag/production"
    assert call.request.body == b'{"objects": ["b-41", "menu"]}'
    assert call.request.headers["Content-Type"] == "application/json"
    authorization = call.request.headers["Authorization"]
    assert authorization.startswith(
        "EG1-HMAC-SHA256 client_token=akab-client-token-secret;"
        "access_token=akab-access-token-secret;timestamp="
    )
    assert TOKENS["client_secret"] not in str(call.request.headers)


def test_a_soft_purge_invalidates_and_a_staging_network_has_its_own_path(api, accept):
    accept("/ccu/v3/invalidate/tag/staging")

    akamai(soft=True, network="staging").send(MENU, "akamai")

    assert len(api.calls) == 1


def test_a_url_is_named_once_for_each_host_and_both_schemes(api, accept):
    accept("/ccu/v3/delete/url/production")

    backend = akamai(hosts=(HOST, "m.example.com"), method="url", cp_codes=[12345])
    backend.send(NEWS, "akamai")

    [call] = api.calls
    assert json.loads(call.request.body) == {
        "objects": ["https://m.example.com/news/", "https://www.example.com/news/"]
    }


@pytest.mark.parametrize("options, path, objects", [
    ({}, "/ccu/v3/delete/tag/production", ["everything"]),
    ({"hosts": ()}, "/ccu/v3/delete/tag/production", ["everything"]),
    ({"hosts": (), "cp_codes": [12345, 98765]}, "/ccu/v3/delete/cpcode/production",
     [12345, 98765]),
    ({"cp_codes": [12345]}, "/ccu/v3/delete/tag/production", ["everything"]),
    ({"method": "url", "cp_codes": [12345]}, "/ccu/v3/delete/cpcode/production", [12345]),
    ({"method": "url", "cp_codes": [12345], "soft": True}, "/ccu/v3/invalidate/cpcode/production",
     [12345]),
], ids=["hosts", "no hosts", "CP codes", "hosts before CP codes", "no tags", "soft"])  # fmt: skip
def test_everything_goes_by_its_tag_or_by_cp_codes(api, accept, options, path, objects):
    accept(path)

    akamai(**options).send(PurgeBatch(everything=True), "akamai")

    assert json.loads(api.calls[0].request.body) == {"objects": objects}


def test_more_tags_than_an_account_has_at_once_are_everything(api, accept):
    accept("/ccu/v3/delete/tag/production")
    paths = frozenset(f"/{number}/" for number in range(5_001))

    akamai().send(PurgeBatch(paths=paths), "akamai")

    assert [json.loads(call.request.body) for call in api.calls] == [{"objects": ["everything"]}]


def test_a_body_has_50_000_bytes_at_most_and_no_fewer_than_fit(api, accept):
    accept("/ccu/v3/delete/url/production")
    paths = frozenset(f"/{number:03}/{'x' * 950}/" for number in range(200))

    akamai(method="url", cp_codes=[1]).send(PurgeBatch(paths=paths), "akamai")

    sizes = sorted(len(call.request.body) for call in api.calls)
    assert len(sizes) == 4
    assert sizes[-1] <= 50_000
    one_more = len("https://www.example.com") + 956 + 4
    assert sizes[1] + one_more > 50_000


def test_the_frame_of_a_body_counts(api, accept):
    accept("/ccu/v3/delete/url/production")
    backend = akamai(method="url", cp_codes=[1], hosts=("a.example",))
    first, second = "/" + "a" * 24_951, "/" + "b" * 24_990

    backend.send(PurgeBatch(paths=frozenset({first, second})), "akamai")
    backend.send(PurgeBatch(paths=frozenset({first, second + "b"})), "akamai")

    # Each URL is counted with a comma after it, which the last one does not have.
    assert len(api.calls[0].request.body) == 49_998
    assert len(api.calls) == 3


def test_a_tag_that_akamai_does_not_take_is_the_same_hash_in_the_header_and_the_purge(api, accept):
    accept("/ccu/v3/delete/tag/production")
    backend = akamai()

    backend.send(PurgeBatch(tags=frozenset({"shop.flavour:5"})), "akamai")

    sent = headers(backend)["Edge-Cache-Tag"].split(",")
    purged = json.loads(api.calls[0].request.body)["objects"]
    assert sent[:2] == ["everything", "p1"]
    assert sent[2] in purged
    assert sent[2].startswith("h-")
    assert ":" not in "".join(purged)


@pytest.mark.parametrize("tag", ["a" * 128, "a!#$%'+./^_`|~-Z9", path_tag("/news/"), "m-shop.page"])
def test_tags_that_akamai_takes_stay_as_they_are(tag):
    assert akamai().spelled(tag) == tag


@pytest.mark.parametrize("tag", ["a" * 129, "a:b", "a@b", "a*b", "a b", "a,b", "<a>", "{a}", "é"])
def test_tags_that_akamai_refuses_are_hashed(tag):
    assert akamai().spelled(tag).startswith("h-")


def test_each_call_is_signed_anew(api, accept):
    accept("/ccu/v3/delete/tag/production")
    backend = akamai()

    backend.send(MENU, "akamai")
    backend.send(MENU, "akamai")

    first, second = (call.request.headers["Authorization"] for call in api.calls)
    assert first != second


# Headers of pages


def test_a_page_carries_edge_control_and_one_line_of_tags():
    sent = headers(akamai(), own_tags=("menu",))

    assert sent == {
        "Edge-Control": "cache-maxage=31536000s",
        "Edge-Cache-Tag": "everything,p1,menu",
    }


def test_cache_control_can_be_what_the_property_goes_by():
    sent = headers(akamai(ttl_field="Cache-Control"), own_tags=())

    assert sent == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "Edge-Cache-Tag": "everything,p1",
    }


def test_what_varies_on_more_than_compression_is_not_stored():
    assert headers(akamai(), vary=frozenset({"accept-encoding"}))["Edge-Control"] != "no-store"

    assert headers(akamai(), vary=frozenset({"accept-language"})) == {"Edge-Control": "no-store"}


def test_what_the_cache_id_has_may_vary():
    sent = headers(akamai(vary=["accept-language"]), vary=frozenset({"accept-language"}))

    assert sent["Edge-Control"] == "cache-maxage=31536000s"


def test_a_page_in_doubt_is_kept_for_seconds():
    assert headers(akamai(), doubtful=True)["Edge-Control"] == "cache-maxage=5s"


def test_more_than_128_tags_become_coarser_ones():
    own = tuple(f"shop.flavour:{number}" for number in range(127))

    sent = headers(akamai(), own_tags=own)["Edge-Cache-Tag"].split(",")

    assert len(sent) == 3
    assert sent[:2] == ["everything", "p1"]


def test_the_header_has_no_more_than_8_192_characters():
    own = tuple(f"{number:02}" + "x" * 100 for number in range(85))

    sent = headers(akamai(), own_tags=own)["Edge-Cache-Tag"]

    assert len("Edge-Cache-Tag: " + sent) <= 8_192
    assert len(sent.split(",")) < 87


def test_a_page_with_a_query_is_stored_only_where_its_tags_are_purged():
    assert headers(akamai(), has_query=True)["Edge-Control"] != "no-store"

    by_url = akamai(method="url", cp_codes=[1])
    assert headers(by_url, has_query=True) == {"Edge-Control": "no-store"}


def test_tags_do_not_reach_a_cache_outside():
    assert list(conflicts([akamai(hosts=()), akamai(hosts=(), ttl_field="Cache-Control")]))


def test_the_second_purge_comes_when_the_first_is_through():
    assert akamai().repeat_delay(MENU) == 5.0
    assert akamai(repeat_after=0).repeat_delay(MENU) == 0


def test_calls_keep_within_the_rate_of_an_account():
    assert (akamai().rate, akamai().burst) == (50.0, 100)


# What is wrong with the options


@pytest.mark.parametrize("options, message", [
    ({"client_secret": None},
     r"\['client_token'\] needs client_secret and access_token, or edgerc"),
    ({"client_token": None, "client_secret": None, "access_token": None}, "needs client_secret"),
    ({"edgerc": __file__}, "needs client_secret"),
    ({"client_token": None, "edgerc": __file__}, "needs client_secret"),
    ({"client_secret": "a b"}, r"\['client_secret'\] must be printable ASCII"),
    ({"client_secret": ""}, r"\['client_secret'\] must be printable ASCII"),
    ({"client_token": None, "client_secret": None, "access_token": None, "edgerc": "/no/file"},
     r"\['edgerc'\] = '/no/file' must be the path of a file"),
    ({"client_token": None, "client_secret": None, "access_token": None, "edgerc": "~no-user/x"},
     r"\['edgerc'\] = '~no-user/x' must be the path of a file"),
    ({"method": "url"}, r"\['cp_codes'\] must be given where pages have no tags"),
    ({"method": "url", "cp_codes": [1], "hosts": ()}, r"\['HOSTS'\] must list the site's hosts"),
    ({"cp_codes": ["1"]}, "must be a list, each a whole number"),
    ({"network": "test"}, "must be one of 'production', 'staging'"),
    ({"ttl_field": "Expires"}, "must be one of 'Edge-Control', 'Cache-Control'"),
    ({"base_url": "akab-host.luna.akamaiapis.net"}, "must be like 'https://api.example.com'"),
    ({"base_url": "http://akab-host.luna.akamaiapis.net"}, "must begin with https://"),
    ({"base_url": None}, r"\['base_url'\] is missing"),
    ({"token": "x"}, "unknown option 'token'"),
])  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        akamai(**options)

    assert "secret=" not in str(caught.value)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "akamai", None)
    monkeypatch.delitem(sys.modules, "akamai.edgegrid", raising=False)

    with pytest.raises(ImproperlyConfigured, match=r"pip install 'django-dumper-purge\[akamai\]'"):
        akamai()


def test_the_backend_shows_no_secret():
    for secret in TOKENS.values():
        assert secret not in repr(akamai())


# What is made of answers


@pytest.mark.parametrize("answer", [
    vendor.BUSY,
    vendor.problem(507, "Insufficient storage"),
    vendor.denied(400, "Bad request", "Invalid timestamp"),
    vendor.denied(401, "Not authorized", "Duplicate nonce"),
], ids=["internal error", "507", "clock", "nonce"])  # fmt: skip
def test_what_may_succeed_later_is_tried_again(api, answer):
    api.add(answered(answer))

    with pytest.raises(Transient):
        akamai().send(MENU, "akamai")


@pytest.mark.parametrize("status", [400, 403])
def test_the_firewall_of_the_api_is_not_its_word(api, status):
    answer = vendor.Answer(status, "<HTML><TITLE>Access Denied</TITLE></HTML>")
    api.add(answered(answer))

    with pytest.raises(Transient) as caught:
        akamai().send(MENU, "akamai")

    assert caught.value.retry_after == 5


def test_without_enough_tags_left_the_purge_waits_five_seconds(api):
    api.add(answered(vendor.NO_TAGS_LEFT))

    with pytest.raises(Transient, match="TAG Rate Limit exceeded") as caught:
        akamai().send(MENU, "akamai")

    assert caught.value.retry_after == 5


@pytest.mark.parametrize("answer", [
    vendor.denied(400, "Bad request", "Invalid client token"),
    vendor.denied(401, "Not authorized", "The signature does not match"),
    vendor.problem(403, "Forbidden"),
    vendor.problem(415, "Unsupported media type"),
], ids=["client token", "signature", "forbidden", "media type"])  # fmt: skip
def test_what_is_configured_wrongly_is_refused_after_one_call(api, answer):
    api.add(answered(answer))

    with pytest.raises(Rejected, match="check that the API client has CCU APIs"):
        akamai().send(MENU, "akamai")

    assert len(api.calls) == 1


def test_an_error_begins_with_the_number_that_support_asks_for(api):
    api.add(answered(vendor.BUSY))

    with pytest.raises(Transient, match=f"akamai answered 500 '{vendor.SUPPORT_ID} "):
        akamai().send(MENU, "akamai")


def test_one_foreign_url_does_not_keep_the_others_from_being_purged(api):
    def answer(request):
        objects = json.loads(request.body)["objects"]
        bad = f"https://{HOST}/foreign/" in objects
        given = vendor.FOREIGN_URL if bad else vendor.DONE
        return given.status, given.headers, given.encoded

    api.add_callback(responses.POST, f"{URL}/ccu/v3/delete/url/production", callback=answer)
    paths = frozenset({"/a/", "/b/", "/c/", "/foreign/"})

    with pytest.raises(Rejected, match="unauthorized arl") as caught:
        akamai(method="url", cp_codes=[1]).send(PurgeBatch(paths=paths), "akamai")

    assert caught.value.left == PurgeBatch(paths=frozenset({"/foreign/"}))


def test_no_secret_reaches_an_error_even_if_the_api_repeats_it(api):
    echo = vendor.problem(403, "Forbidden", " ".join(TOKENS.values()))
    api.add(answered(echo))

    with pytest.raises(Rejected) as caught:
        akamai().send(MENU, "akamai")

    for secret in TOKENS.values():
        assert secret not in str(caught.value)


@pytest.mark.parametrize("answer", [vendor.DONE, vendor.BUSY, vendor.FOREIGN_URL])
def test_no_secret_reaches_a_log_at_any_level(api, caplog, answer):
    caplog.set_level(logging.DEBUG)
    api.add(answered(answer))

    try:
        akamai().send(MENU, "akamai")
    except (Rejected, Transient) as error:
        logging.getLogger("dumper.deliver").debug("failed", exc_info=error)

    for secret in (*TOKENS.values(), "EG1-HMAC-SHA256"):
        assert secret not in caplog.text


# The signature


def _vectors():
    folder = files("akamai.edgegrid") / "test"
    if not (folder / "testcases.json").is_file():
        return {}, []
    cases = json.loads((folder / "testcases.json").read_text())
    usable = [case for case in cases if "failsWithMessage" not in case]
    return json.loads((folder / "testdata.json").read_text()), usable


DATA, CASES = _vectors()


@pytest.fixture
def edgerc(tmp_path):
    """Write an ``.edgerc`` with the credentials of the vectors, and return its path."""
    names = ("client_token", "client_secret", "access_token", "max_body")
    lines = [f"{name} = {DATA[name]}" for name in names]
    lines.append(f"headers_to_sign = {','.join(DATA['headers_to_sign'])}")
    file = tmp_path / "edgerc"
    file.write_text("\n".join(["[purge]", "host = unused", *lines, ""]))
    return str(file)


def test_there_are_vectors():
    assert len(CASES) >= 14


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["testName"])
def test_requests_are_signed_as_in_akamais_own_vectors(monkeypatch, edgerc, case):
    monkeypatch.setattr(edgegrid, "eg_timestamp", lambda: DATA["timestamp"])
    monkeypatch.setattr(edgegrid, "new_nonce", lambda: DATA["nonce"])
    given = case["request"]
    request = requests.Request(
        given["method"],
        DATA["base_url"].rstrip("/") + given["path"],
        headers={name: text for pair in given.get("headers", ()) for name, text in pair.items()},
        data=given.get("data"),
        auth=Signer((), edgerc, "purge"),
    )

    signed = request.prepare()

    assert signed.headers["Authorization"] == case["expectedAuthorization"]


def test_tokens_as_options_sign_as_those_of_a_file_do(monkeypatch, edgerc):
    monkeypatch.setattr(edgegrid, "eg_timestamp", lambda: DATA["timestamp"])
    monkeypatch.setattr(edgegrid, "new_nonce", lambda: DATA["nonce"])
    names = ("client_token", "client_secret", "access_token")
    signers = [Signer(tuple(DATA[name] for name in names), None, ""), Signer((), edgerc, "purge")]

    signed = [
        requests.Request("POST", URL, json={"objects": ["a"]}, auth=signer).prepare()
        for signer in signers
    ]

    assert signed[0].headers["Authorization"] == signed[1].headers["Authorization"]


NO_TOKENS = dict.fromkeys(TOKENS)


def test_the_tokens_of_a_file_are_used(api, accept, edgerc):
    accept("/ccu/v3/delete/tag/production")

    akamai(**NO_TOKENS, edgerc=edgerc, section="purge").send(MENU, "akamai")

    sent = api.calls[0].request.headers["Authorization"]
    assert f"client_token={DATA['client_token']};" in sent


def test_a_file_without_the_section_is_tried_again_and_its_secrets_are_not_shown(api, edgerc):
    with pytest.raises(Transient, match="cannot be called: NoSectionError") as caught:
        akamai(**NO_TOKENS, edgerc=edgerc).send(MENU, "akamai")

    assert caught.value.left == MENU
    assert DATA["client_secret"] not in str(caught.value)
    assert not api.calls


def test_a_file_in_the_home_directory_is_found(monkeypatch, api, accept, edgerc, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    accept("/ccu/v3/delete/tag/production")

    akamai(**NO_TOKENS, edgerc="~/edgerc", section="purge").send(MENU, "akamai")

    assert len(api.calls) == 1


# The real one


LIVE = {
    name: os.environ.get(f"DUMPER_LIVE_AKAMAI_{name.upper()}") for name in ("base_url", *TOKENS)
}


@pytest.mark.skipif(not all(LIVE.values()), reason="DUMPER_LIVE_AKAMAI_* are not set")
def test_the_real_api_accepts_a_purge_on_its_staging_network():
    backend = akamai(hosts=(), network="staging", **LIVE)

    backend.send(PurgeBatch(tags=frozenset({"dumper-live-test"})), "akamai")
