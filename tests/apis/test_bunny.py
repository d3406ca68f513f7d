"""What bunny.net is sent, byte for byte, and what is made of its answers and settings."""

import json
import os

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.options import build
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.pairs import conflicts
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag
from dumper_purge.respond.headers import Outgoing, storable

BACKEND = "dumper_purge.backends.bunny.BunnyBackend"
ZONE = "https://api.bunny.net/pullzone/4711/purgeCache"
HOST = "www.example.com"
MENU = PurgeBatch(tags=frozenset({"menu"}))
NEWS = PurgeBatch(paths=frozenset({"/news/"}))
GOOD = {
    "EnableSmartCache": False,
    "IgnoreQueryStrings": False,
    "EnableHostnameVary": False,
    "CacheControlMaxAgeOverride": -1,
    "CacheControlPublicMaxAgeOverride": -1,
    "PermaCacheStorageZoneId": 0,
}


def bunny(hosts=(HOST,), alias="bunny", **options):
    options = {"pull_zone": 4711, "access_key": "bunny-secret-key", **options}
    return build(alias, {"BACKEND": BACKEND, "HOSTS": list(hosts), "OPTIONS": options})


@pytest.fixture
def api():
    """Answer 204 to every purge; what was sent is in ``api.calls``."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(ZONE, status=204)
        mock.post("https://api.bunny.net/pullzone/4712/purgeCache", status=204)
        mock.post("https://api.bunny.net/purge", status=204)
        yield mock


def sent(api):
    return [(call.request.method, call.request.url, call.request.body) for call in api.calls]


def outgoing(**changes):
    values = {
        "ttl": 31_536_000, "grace": 60, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
        "vary": frozenset(), "has_query": False, "implied_tags": ("everything", "p1"),
        "own_tags": ("menu", "shop.flavour:5"),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def headers(backend, **changes):
    return storable([backend], HOST, "max-age=0, must-revalidate", outgoing(**changes))


# What is sent


def test_a_tag_is_purged_by_itself(api):
    bunny().send(PurgeBatch(tags=frozenset({"menu"})), "bunny")

    bodies = {json.loads(body)["CacheTag"] for _, url, body in sent(api) if url == ZONE}
    assert "menu" in bodies
    assert len(bodies) == len(api.calls) == 2
    assert b'{"CacheTag": "menu"}' in [body for _, _, body in sent(api)]


def test_the_key_is_sent_in_its_header_and_not_in_the_url(api):
    bunny(method="url").send(NEWS, "bunny")

    request = api.calls[0].request
    assert request.headers["AccessKey"] == "bunny-secret-key"
    assert "secret" not in request.url


def test_a_path_is_purged_by_its_tag(api):
    bunny().send(NEWS, "bunny")

    assert sent(api) == [("POST", ZONE, b'{"CacheTag": "%s"}' % path_tag("/news/").encode())]


def test_a_url_is_purged_exactly_and_waited_for(api):
    bunny(method="url").send(NEWS, "bunny")

    wanted = "url=https%3A%2F%2Fwww.example.com%2Fnews%2F&async=false&exactPath=true"
    assert sent(api) == [("POST", f"https://api.bunny.net/purge?{wanted}", None)]


def test_a_url_is_not_waited_for_where_that_is_wished(api):
    bunny(method="url", asynchronous=True).send(NEWS, "bunny")

    assert "async=true" in api.calls[0].request.url


def test_a_prefix_is_purged_with_a_wildcard(api):
    bunny(method="url").send(PurgeBatch(prefixes=frozenset({"/news/20"})), "bunny")

    wanted = "url=https%3A%2F%2Fwww.example.com%2Fnews%2F20%2A&async=false&exactPath=false"
    assert sent(api) == [("POST", f"https://api.bunny.net/purge?{wanted}", None)]


def test_a_path_cannot_add_parameters(api):
    path = "/a&exactPath=false%26url=x/"

    bunny(method="url").send(PurgeBatch(paths=frozenset({path})), "bunny")

    assert api.calls[0].request.params == {
        "url": f"https://www.example.com{path}",
        "async": "false",
        "exactPath": "true",
    }


def test_everything_is_the_zone_and_has_no_body(api):
    bunny(method="url").send(PurgeBatch(everything=True), "bunny")

    assert sent(api) == [("POST", ZONE, None)]


def test_everything_of_the_pages_is_a_tag_where_hosts_are_listed(api):
    bunny().send(PurgeBatch(everything=True), "bunny")

    assert sent(api) == [("POST", ZONE, b'{"CacheTag": "everything"}')]


@pytest.mark.parametrize("tag", ["", " ", "\t"])
def test_an_empty_tag_never_reaches_the_api_since_it_would_purge_the_zone(api, tag):
    with pytest.raises(Rejected, match="empty tag, which would purge the whole zone"):
        bunny().call("purge_tags", [tag])

    assert not api.calls


def test_an_empty_batch_asks_nothing(api):
    bunny().send(PurgeBatch(), "bunny")

    assert not api.calls


def test_each_host_has_its_own_zone(api):
    batch = PurgeBatch(
        urls=frozenset({"https://a.example/x/", "https://b.example/y/", "https://c.example/z/"})
    )

    bunny(["a.example"], method="url").send(batch, "bunny")
    bunny(["b.example"], method="url", pull_zone=4712).send(batch, "bunny")

    urls = [call.request.params["url"] for call in api.calls]
    assert urls == ["https://a.example/x/", "https://b.example/y/"]


@pytest.mark.parametrize(("options", "most"), [({}, 600), ({"method": "url"}, 80)])
def test_what_would_take_more_than_two_minutes_is_everything(options, most):
    backend = bunny(rate=None, **options)
    paths = [f"/{number}/" for number in range(most + 1)]

    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.post(ZONE, status=204)
        api.post("https://api.bunny.net/purge", status=204)
        backend.send(PurgeBatch(paths=frozenset(paths[:-1])), "bunny")
        assert len(api.calls) == most
        backend.send(PurgeBatch(paths=frozenset(paths)), "bunny")
        assert len(api.calls) == most + 1


def test_the_number_of_items_is_an_option():
    assert bunny(max_items=7).max_items == 7


def test_a_base_url_may_be_that_of_a_proxy():
    with responses.RequestsMock() as api:
        api.post("https://proxy.example/bunny/pullzone/4711/purgeCache", status=204)

        bunny(base_url="https://proxy.example/bunny/").send(PurgeBatch(everything=True), "bunny")


# Rates


@pytest.mark.parametrize(
    ("options", "rate", "burst"),
    [
        ({}, 5.0, 120),
        ({"method": "url"}, 0.5, 20),
        ({"rate": 2.0, "burst": 7}, 2.0, 7),
        ({"rate": None}, None, 120),
    ],
)
def test_the_rate_is_what_bunny_allows_for_the_method(options, rate, burst):
    backend = bunny(**options)

    assert (backend.rate, backend.burst) == (rate, burst)


def test_the_second_purge_comes_after_five_seconds_unless_said_otherwise():
    assert bunny().repeat_delay(MENU) == 5.0
    assert bunny(repeat_after=30.0).repeat_delay(MENU) == 30.0


# Answers


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"ErrorKey":"purge.urls_invalid","Field":"Urls","Message":"..."}', Rejected),
        (401, '{"Message":"Authorization has been denied for this request."}', Rejected),
        (403, "", Rejected),
        (404, '{"ErrorKey":"pullZone.not_found","Field":"PullZone","Message":"..."}', Rejected),
        (429, '{"Message":"Too Many Requests"}', Transient),
        (500, "", Transient),
        (503, "<html>", Transient),
        (302, "", Transient),
        (200, "<html>Sign in</html>", Transient),
        (200, '{"ErrorKey":"pullZone.not_found"}', Transient),
    ],
)
def test_an_error_is_tried_again_or_kept_as_failed(status, body, error):
    with responses.RequestsMock() as api:
        api.post(ZONE, status=status, body=body)

        with pytest.raises(error) as caught:
            bunny().send(NEWS, "bunny")

    assert caught.value.left == NEWS
    assert "bunny answered" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_200_without_a_word_is_success_as_it_was_seen_beside_204():
    with responses.RequestsMock() as api:
        api.post(ZONE, status=200)

        bunny().send(NEWS, "bunny")


def test_too_many_requests_wait_as_long_as_bunny_says():
    with responses.RequestsMock() as api:
        api.post(ZONE, status=429, headers={"Retry-After": "12"})

        assert bunny().call("purge_tags", ["menu"])[0] is Verdict.THROTTLED
        with pytest.raises(Transient) as caught:
            bunny().send(NEWS, "bunny")

    assert caught.value.retry_after == 12


# Options


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"pull_zone": 0}, r"\['pull_zone'\] = 0 must be the number of the zone"),
        ({"pull_zone": "site"}, r"\['pull_zone'\] = 'site' must be a whole number"),
        ({"access_key": "a b"}, r"\['access_key'\] must be printable ASCII without a space"),
        ({"access_key": 5}, r"\['access_key'\] must be a str"),
        ({"soft": True}, r"\['soft'\] must be False: this cache knows no soft purge"),
        ({"asynchronous": "no"}, r"\['asynchronous'\] = 'no' must be True or False"),
        ({"vary": "Accept"}, r"\['vary'\] = 'Accept' must be a list, each a str"),
        ({"base_url": "http://api.bunny.net"}, r"\['base_url'\] = .* must begin with https://"),
        ({"max_items": -1}, r"\['max_items'\] = -1 must be above 0"),
        ({"rate": 0}, r"\['rate'\] = 0 must be above 0"),
        ({"zone": 1}, "unknown option 'zone'"),
    ],
)
def test_a_bad_option_is_named(options, problem):
    with pytest.raises(ImproperlyConfigured, match=problem) as caught:
        bunny(**options)

    assert "bunny-secret-key" not in str(caught.value)


def test_urls_need_hosts():
    with pytest.raises(ImproperlyConfigured, match=r"\['HOSTS'\] must list the site's hosts"):
        bunny([], method="url")


def test_the_key_is_not_in_the_repr():
    assert "secret" not in repr(bunny())


# Headers


def test_a_page_carries_its_ttl_for_shared_caches_and_its_tags_between_commas():
    assert headers(bunny()) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "CDN-Tag": "everything,p1,menu,shop.flavour:5",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"vary": frozenset({"accept-language"})},
        {"vary": frozenset({"accept-encoding"})},
        {"ttl": 0},
        {"implied_tags": tuple(f"tag-{number:08}" for number in range(90))},
    ],
    ids=["varies", "varies by encoding", "has no TTL", "has too many tags"],
)
def test_what_must_not_be_stored_says_so_and_has_no_tag(changes):
    sent = headers(bunny(), **changes)

    assert sent == {"Cache-Control": "max-age=0, must-revalidate, private"}


def test_what_the_cache_key_has_may_vary():
    backend = bunny(vary=["Accept-Language"])

    assert "CDN-Tag" in headers(backend, vary=frozenset({"accept-language"}))


def test_tags_beyond_1024_bytes_become_coarser():
    sent = headers(bunny(), own_tags=tuple(f"shop.flavour:{number:05}" for number in range(60)))

    assert sent["CDN-Tag"] == "everything,p1,m-shop.flavour"


def test_a_page_with_a_query_is_stored_where_tags_are_purged_and_only_there():
    assert "CDN-Tag" in headers(bunny(), has_query=True)
    assert headers(bunny(method="url"), has_query=True)["Cache-Control"].endswith("private")


def test_varnish_may_stand_behind_it():
    entry = {"BACKEND": "dumper_purge.backends.varnish.VarnishBackend", "HOSTS": [HOST]}
    entry |= {"LOCATION": ["http://127.0.0.1:6081"], "OPTIONS": {"token": "t", "method": "xkey"}}
    varnish = build("varnish", entry)

    sent = storable([varnish, bunny()], HOST, "max-age=0, must-revalidate", outgoing(grace=0))

    assert list(conflicts([varnish, bunny()])) == []
    assert sent == {
        "Surrogate-Control": "max-age=31536000",
        "xkey": "everything p1 menu shop.flavour:5",
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "CDN-Tag": "everything,p1,menu,shop.flavour:5",
    }


# Settings of the zone


def inspected(backend, **settings):
    with responses.RequestsMock() as api:
        api.get("https://api.bunny.net/pullzone/4711", json={"Id": 4711, **GOOD, **settings})
        return list(backend.findings())


def test_nothing_is_found_where_all_is_well():
    assert inspected(bunny()) == []


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("EnableSmartCache", True, "switch Smart Cache off"),
        ("IgnoreQueryStrings", True, "let Vary Cache have URL Query String"),
        ("CacheControlMaxAgeOverride", 2_592_000, "respect the origin's Cache-Control"),
        ("CacheControlPublicMaxAgeOverride", 0, "match the server's"),
        ("PermaCacheStorageZoneId", 17, "switch it off"),
    ],
)
def test_a_setting_that_spoils_a_promise_is_found_with_its_remedy(setting, value, remedy):
    (finding,) = inspected(bunny(), **{setting: value})

    assert finding.startswith(f"{setting} of the pull zone is {value!r}: ")
    assert remedy in finding


def test_several_hosts_share_pages_unless_the_key_has_the_host():
    two = bunny(["a.example", "b.example"])

    assert "Request Hostname" in inspected(two, EnableHostnameVary=False)[0]
    assert inspected(two, EnableHostnameVary=True) == []


def test_settings_that_cannot_be_read_are_an_error():
    with responses.RequestsMock() as api:
        api.get("https://api.bunny.net/pullzone/4711", status=401, json={"Message": "denied"})

        with pytest.raises(Rejected, match="bunny answered 401 .*check pull_zone, access_key"):
            list(bunny().findings())


LIVE = {"access_key": "DUMPER_LIVE_BUNNY_ACCESS_KEY", "pull_zone": "DUMPER_LIVE_BUNNY_PULL_ZONE"}


@pytest.mark.skipif(not set(LIVE.values()) <= set(os.environ), reason="needs a pull zone")
def test_a_real_zone_takes_a_purge_and_shows_its_settings():
    key, zone = (os.environ[name] for name in LIVE.values())
    backend = bunny(access_key=key, pull_zone=int(zone))

    backend.send(PurgeBatch(tags=frozenset({"dumper-live-test"})), "bunny")

    assert all(" of the pull zone is " in finding for finding in backend.findings())
