"""Cloudflare on the wire: https://developers.cloudflare.com/api/resources/cache/methods/purge/."""

import json
import os

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.options import build
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag, prefix_tag
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.vendors.cloudflare import DONE, ZONE

API = f"https://api.cloudflare.com/client/v4/zones/{ZONE}"
TTL_SETTING = f"{API}/settings/browser_cache_ttl"
OTHER_ZONE = "0" * 32
PATHS = PurgeBatch(paths=frozenset({"/a/"}))


def built(hosts=("www.example.com",), **options):
    options = {"zone_id": ZONE, "token": "t0ken", **options}
    entry = {"BACKEND": "dumper_purge.backends.cloudflare.CloudflareBackend"}
    return build("cf", {**entry, "HOSTS": list(hosts), "OPTIONS": options})


def refusal(code, message="no"):
    return {"success": False, "errors": [{"code": code, "message": message}], "result": None}


@pytest.fixture
def api():
    """Nothing but what a test adds is answered."""
    with responses.RequestsMock() as mock:
        yield mock


def accept(api, verb="purge_cache", zone=API):
    return api.post(f"{zone}/{verb}", json=DONE)


def bodies(api):
    return [json.loads(call.request.body) for call in api.calls]


def test_tags_are_purged_by_one_post(api):
    accept(api)

    built().send(PurgeBatch(tags=frozenset({"menu"})), "cf")

    (call,) = api.calls
    assert call.request.method == "POST"
    assert call.request.url == f"{API}/purge_cache"
    assert call.request.headers["Authorization"] == "Bearer t0ken"
    assert call.request.headers["Content-Type"] == "application/json"
    assert call.request.headers["User-Agent"] == "django-dumper-purge"
    assert call.request.body == b'{"tags": ["b-41", "menu"]}'


def test_a_path_is_purged_by_its_tag(api):
    accept(api)

    built().send(PATHS, "cf")

    assert bodies(api) == [{"tags": [path_tag("/a/")]}]


def test_a_folder_is_purged_by_its_tags(api):
    accept(api)

    built().send(PurgeBatch(prefixes=frozenset({"/news/"})), "cf")

    assert bodies(api) == [{"tags": sorted([path_tag("/news/"), prefix_tag("/news/")])}]


def test_a_deep_folder_is_purged_as_a_prefix_on_each_host(api):
    accept(api)

    built(hosts=("a.example", "b.example")).send(
        PurgeBatch(prefixes=frozenset({"/a/b/c/d/e/"})), "cf"
    )

    assert bodies(api) == [{"prefixes": ["a.example/a/b/c/d/e/", "b.example/a/b/c/d/e/"]}]


def test_both_schemes_have_one_prefix(api):
    accept(api)

    built(schemes=["http", "https"]).send(PurgeBatch(prefixes=frozenset({"/a/b/c/d/e/"})), "cf")

    assert bodies(api) == [{"prefixes": ["www.example.com/a/b/c/d/e/"]}]


def test_a_prefix_has_31_slashes_at_most(api):
    accept(api)

    built().send(PurgeBatch(prefixes=frozenset({"/" + "x/" * 40})), "cf")

    assert bodies(api) == [{"prefixes": ["www.example.com/" + "x/" * 30]}]


def test_a_prefix_inside_a_segment_is_purged_as_its_folder(api):
    """Cloudflare purges directories: /news/20 would not reach /news/2026/."""
    accept(api)

    built(method="url").send(PurgeBatch(prefixes=frozenset({"/news/20"})), "cf")

    assert bodies(api) == [{"prefixes": ["www.example.com/news/"]}]


def test_a_prefix_inside_a_segment_is_purged_by_the_tag_of_its_folder(api):
    accept(api)

    built().send(PurgeBatch(prefixes=frozenset({"/news/20"})), "cf")

    assert bodies(api) == [{"tags": sorted([path_tag("/news/20"), prefix_tag("/news/20")])}]


def test_urls_are_purged_as_files_of_both_schemes(api):
    """The copy of a visitor without TLS, and with Flexible SSL each, is one of ``http``."""
    accept(api)
    paths = PurgeBatch(paths=frozenset({"/a/", "/b/%C3%A4"}))

    built(method="url").send(paths, "cf")

    assert bodies(api) == [
        {
            "files": [
                "http://www.example.com/a/",
                "https://www.example.com/a/",
                "http://www.example.com/b/%C3%A4",
                "https://www.example.com/b/%C3%A4",
            ]
        }
    ]


def test_everything_is_the_hosts(api):
    accept(api)

    built(hosts=("a.example", "b.example")).send(PurgeBatch(everything=True), "cf")

    assert bodies(api) == [{"hosts": ["a.example", "b.example"]}]


def test_everything_is_the_zone_where_no_hosts_are_listed(api):
    accept(api)

    built(hosts=()).send(PurgeBatch(everything=True), "cf")

    assert bodies(api) == [{"purge_everything": True}]


def test_a_soft_purge_invalidates(api):
    accept(api, "invalidate_cache")

    built(soft=True).send(PATHS, "cf")

    assert bodies(api) == [{"tags": [path_tag("/a/")]}]


def test_an_environment_is_purged_alone(api):
    accept(api, "environments/9d4e/purge_cache")

    built(environment="9d4e").send(PATHS, "cf")

    assert len(api.calls) == 1


def test_an_environment_is_invalidated_alone(api):
    accept(api, "environments/9d4e/invalidate_cache")

    built(environment="9d4e", soft=True).send(PATHS, "cf")

    assert len(api.calls) == 1


@pytest.mark.parametrize("most", [30, 100, 500])
def test_a_call_holds_as_many_urls_as_the_zone_takes(api, most):
    accept(api)
    paths = frozenset(f"/{number}/" for number in range(1_000))

    one = built(method="url", schemes=["https"], max_files=most, rate=100.0, burst=100)
    one.send(PurgeBatch(paths=paths), "cf")

    sizes = [len(body["files"]) for body in bodies(api)]
    assert max(sizes) == most
    assert len(sizes) == -(-1_000 // most)


@pytest.mark.parametrize("count", [100, 3_000])
@pytest.mark.parametrize(
    "words",
    [
        "You cannot purge more than 30 files in one request",
        "Too many URLs",
        "at most 30 items may be purged",
    ],
)
def test_a_zone_that_takes_30_urls_gets_fewer_by_itself(api, words, count):
    def answer(request):
        if len(json.loads(request.body)["files"]) > 30:
            return 400, {}, json.dumps(refusal(1000, words))
        return 200, {}, json.dumps(DONE)

    api.add_callback(responses.POST, f"{API}/purge_cache", answer)
    paths = frozenset(f"/{number}/" for number in range(count))

    one = built(method="url", schemes=["https"], rate=100.0, burst=100)
    one.send(PurgeBatch(paths=paths), "cf")

    done = [url for body in bodies(api) if len(body["files"]) <= 30 for url in body["files"]]
    assert len(done) == len(set(done)) == count


@pytest.mark.parametrize(
    "plan, rate, burst",
    [("free", 5 / 60, 25), ("pro", 5, 25), ("business", 10, 50), ("enterprise", 50, 500)],
)
def test_the_plan_sets_rate_and_burst(plan, rate, burst):
    backend = built(plan=plan)

    assert (backend.rate, backend.burst) == (rate, burst)


def test_without_a_plan_the_smallest_is_meant():
    assert (built().rate, built().burst) == (5 / 60, 25)


def test_a_rate_of_ones_own_wins():
    backend = built(plan="enterprise", rate=2.0, burst=3)

    assert (backend.rate, backend.burst) == (2.0, 3)


def test_a_burst_of_ones_own_wins():
    backend = built(plan="enterprise", burst=3)

    assert (backend.rate, backend.burst) == (50, 3)


@pytest.mark.parametrize(
    "option, value, problem",
    [
        ("zone_id", "example.com", "['zone_id'] = 'example.com' must be the 32 digits of the ID."),
        ("zone_id", ZONE.upper(), "must be the 32 digits of the ID."),
        ("token", "to ken", "['token'] must be printable ASCII without a space."),
        ("token", 5, "['token'] must be a str."),
        ("plan", "gold", "must be one of 'free', 'pro', 'business', 'enterprise'."),
        ("max_files", 1000, "['max_files'] = 1000 must be one of 30, 100, 500."),
        ("environment", 7, "['environment'] = 7 must be a str or None."),
        ("vary", "accept", "must be a list, each a str."),
        ("base_url", "http://api.example", "must begin with https://."),
        ("zone", ZONE, "has the unknown option 'zone'"),
    ],
)
def test_a_wrong_option_is_named(option, value, problem):
    with pytest.raises(ImproperlyConfigured) as caught:
        built(**{option: value})

    assert problem in str(caught.value)
    assert "DUMPER_BACKENDS['cf']" in str(caught.value)


def test_urls_need_hosts():
    with pytest.raises(ImproperlyConfigured, match="HOSTS"):
        built(method="url", hosts=())


@pytest.mark.parametrize(
    "status, body, error",
    [
        (403, refusal(10000, "Authentication error"), Rejected),
        (200, refusal(10000, "Authentication error"), Rejected),
        (403, refusal(9109, "Unauthorized to access requested resource"), Rejected),
        (400, refusal(6003, "Invalid request headers"), Rejected),
        (404, refusal(7003, "Could not route to /zones/x"), Rejected),
        (400, refusal(1136, "files cannot be purged in this environment"), Rejected),
        (400, refusal(1012, 'Request must contain one of "purge_everything", "files"'), Rejected),
        (405, "", Rejected),
        (200, refusal(10100, "Rate limited"), Transient),
        (400, refusal(10100, "Rate limited"), Transient),
        (429, refusal(971, "More than 1200 requests per 300 seconds reached"), Transient),
        (200, refusal(1, "something else"), Transient),
        (200, {"success": True, "errors": "odd"}, None),
        (200, {"success": False, "errors": "odd"}, Transient),
        (200, {"errors": [["odd"]]}, Transient),
        (200, "<html>Sign in</html>", Transient),
        (200, "", Transient),
        (204, "", Transient),
        (302, "", Transient),
        (500, refusal(7500, "internal"), Transient),
        (502, "<html>Bad gateway</html>", Transient),
        (520, "<html>Web server is returning an unknown error</html>", Transient),
        (522, "<html>Connection timed out</html>", Transient),
    ],
)
def test_what_an_answer_means(api, status, body, error):
    text = body if isinstance(body, str) else json.dumps(body)
    api.post(f"{API}/purge_cache", status=status, body=text)

    if error is None:
        built().send(PATHS, "cf")
        return
    with pytest.raises(error) as caught:
        built().send(PATHS, "cf")

    assert caught.value.left == PATHS
    assert str(caught.value).startswith(f"cf answered {status} ")
    assert (built().remedy in str(caught.value)) == (error is Rejected)


@pytest.mark.parametrize("code", [10000, 9109, 6003, 7000, 7003, 1136])
def test_a_refusal_of_the_zone_is_not_looked_for_in_the_items(api, code):
    api.post(f"{API}/purge_cache", status=400, json=refusal(code))
    paths = frozenset(f"/{number}/" for number in range(8))

    with pytest.raises(Rejected):
        built().send(PurgeBatch(paths=paths), "cf")

    assert len(api.calls) == 1


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"Retry-After": "12", "Ratelimit": '"default";r=0;t=30'}, 12),
        ({"Ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"default"; r=0; t=7'}, 7),
        ({}, 5),
    ],
)
def test_a_throttled_purge_comes_again_when_cloudflare_says(api, headers, seconds):
    api.post(f"{API}/purge_cache", status=429, json=refusal(10100), headers=headers)

    with pytest.raises(Transient) as caught:
        built().send(PATHS, "cf")

    assert caught.value.retry_after == seconds


def test_each_zone_purges_the_urls_of_its_hosts(api):
    other = API.replace(ZONE, OTHER_ZONE)
    accept(api)
    accept(api, zone=other)
    urls = PurgeBatch(urls=frozenset({"https://a.example/x/", "https://b.example/y/"}))

    built(method="url", hosts=("a.example",)).send(urls, "cf")
    built(method="url", hosts=("b.example",), zone_id=OTHER_ZONE).send(urls, "cf")

    assert [(call.request.url, json.loads(call.request.body)) for call in api.calls] == [
        (f"{API}/purge_cache", {"files": ["http://a.example/x/", "https://a.example/x/"]}),
        (f"{other}/purge_cache", {"files": ["http://b.example/y/", "https://b.example/y/"]}),
    ]


def outgoing(**changed):
    values = {
        "ttl": 31_536_000,
        "grace": 0,
        "doubt_ttl": 5,
        "doubtful": False,
        "lately_purged": False,
        "vary": frozenset(),
        "has_query": False,
        "implied_tags": ("everything", "pabc"),
        "own_tags": ("shop.flavour:5",),
    }
    return Outgoing(**{**values, **changed})


def headers_for(backend, **changed):
    return storable([backend], "www.example.com", "max-age=0", outgoing(**changed))


def test_responses_carry_a_ttl_and_tags_for_cloudflare_alone():
    assert headers_for(built()) == {
        "Cloudflare-CDN-Cache-Control": "max-age=31536000",
        "Cache-Tag": "everything,pabc,shop.flavour:5",
    }


def test_grace_is_told():
    headers = headers_for(built(), grace=60)

    assert headers["Cloudflare-CDN-Cache-Control"] == "max-age=31536000, stale-if-error=60"


REFUSED = {"Cloudflare-CDN-Cache-Control": "private, no-store, max-age=0"}


@pytest.mark.parametrize("vary", ["accept-language", "cookie"])
def test_what_varies_is_not_stored(vary):
    assert headers_for(built(), vary=frozenset({vary})) == REFUSED


@pytest.mark.parametrize("vary", ["accept-encoding", "accept-language"])
def test_what_varies_on_what_a_cache_rule_covers_is_stored(vary):
    headers = headers_for(built(vary=["Accept-Language"]), vary=frozenset({vary}))

    assert headers["Cloudflare-CDN-Cache-Control"] == "max-age=31536000"


def test_a_page_with_a_query_is_stored_by_tags_and_not_by_urls():
    assert "Cache-Tag" in headers_for(built(), has_query=True)
    assert headers_for(built(method="url"), has_query=True) == REFUSED


def test_tags_that_the_header_cannot_hold_are_hashed():
    assert built().spelled("a,b").startswith("h-")
    assert built().spelled("shop.flavour:5") == "shop.flavour:5"
    assert built().spelled("~!+-") == "~!+-"


def test_no_secret_is_shown(api):
    api.post(f"{API}/purge_cache", status=403, json=refusal(10000, "bad token t0ken"))

    with pytest.raises(Rejected) as caught:
        built().send(PATHS, "cf")

    assert "t0ken" not in str(caught.value)
    assert "t0ken" not in repr(built())


@pytest.mark.parametrize("seconds, count", [(0, 0), (14_400, 1)])
def test_a_browser_cache_ttl_of_its_own_is_found(api, seconds, count):
    setting = {"id": "browser_cache_ttl", "value": seconds, "editable": True}
    api.get(TTL_SETTING, json={**DONE, "result": setting})

    found = list(built().findings())

    assert len(found) == count
    assert api.calls[0].request.headers["Authorization"] == "Bearer t0ken"
    assert all("14400 s" in each and "Respect Existing Headers" in each for each in found)


def test_a_token_that_may_not_read_settings_is_rejected(api):
    api.get(TTL_SETTING, status=403, json=refusal(9109, "Unauthorized"))

    with pytest.raises(Rejected, match="cf answered 403"):
        list(built().findings())


def test_settings_that_nobody_tells_are_asked_for_later(api):
    api.get(TTL_SETTING, status=502, body="<html>")

    with pytest.raises(Transient, match="cf answered 502"):
        list(built().findings())


@pytest.mark.skipif(
    "DUMPER_LIVE_CLOUDFLARE_ZONE_ID" not in os.environ,
    reason="set DUMPER_LIVE_CLOUDFLARE_ZONE_ID, _TOKEN and _HOST",
)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("method", ["tag", "url"])
def test_the_real_cloudflare_accepts_a_purge(soft, method):
    live = {
        name: os.environ[f"DUMPER_LIVE_CLOUDFLARE_{name.upper()}"] for name in ("zone_id", "token")
    }
    host = os.environ["DUMPER_LIVE_CLOUDFLARE_HOST"]
    backend = built(hosts=(host,), soft=soft, method=method, **live)

    backend.send(PurgeBatch(paths=frozenset({"/dumper-purge-live-test/"})), "cf")
