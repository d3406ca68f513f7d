"""How long a page is kept, by whom, and who says so."""

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from django.utils.http import http_date

import dumper_purge as dumper
from dumper_purge.conf import current
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.policy import Facts, decide

pytestmark = pytest.mark.django_db

YEAR = 31_536_000


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the clock."""
    moved = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + moved[0])
    return lambda seconds: moved.__setitem__(0, moved[0] + seconds)


def test_a_view_may_say_how_long_its_pages_are_kept(client, rendered, clock):
    client.get("/minute/")
    clock(55)
    client.get("/minute/")
    assert len(rendered) == 1
    clock(10)
    client.get("/minute/")

    assert len(rendered) == 2


def test_browsers_count_from_when_they_got_the_page(client, clock):
    assert client.get("/browser/")["Cache-Control"] == "max-age=60, must-revalidate"
    clock(600)
    response = client.get("/browser/")

    assert response["Age"] == "600"
    assert response["Cache-Control"] == "max-age=660, must-revalidate"


def test_a_browser_never_keeps_a_page_beyond_its_end(client, site, clock):
    site.during = staticmethod(
        lambda request: dumper.expires(datetime.now(timezone.utc) + timedelta(seconds=91))
    )
    client.get("/browser/")
    clock(50)

    assert client.get("/browser/")["Cache-Control"] in {
        f"max-age={50 + left}, must-revalidate" for left in (39, 40, 41)
    }


def test_the_view_own_max_age_is_kept_for_browsers_and_ends_the_page(client, rendered, clock):
    said = {"HTTP_X_SET_CACHE_CONTROL": "public, max-age=60"}
    assert client.get("/header/", **said)["Cache-Control"] == "public, max-age=60"
    clock(20)
    hit = client.get("/header/")
    assert hit["Cache-Control"] == "public, max-age=60"
    assert hit["Age"] == "20"
    clock(41)
    client.get("/header/", **said)

    assert len(rendered) == 2


@pytest.mark.parametrize(
    "said", ["max-age=0", "max-age=x", "s-maxage=", "max-age=-5", "max-age=1.5"]
)
def test_a_lifetime_that_is_over_or_garbled_is_not_stored_and_no_error(client, rendered, said):
    """A malformed max-age was a 500 in Django's middleware."""
    for _ in range(2):
        response = client.get("/header/", **{"HTTP_X_SET_CACHE_CONTROL": said})
        assert response.status_code == 200
        assert "private" in response["Cache-Control"]

    assert len(rendered) == 2


def test_an_expires_of_the_view_is_respected(client, rendered, clock):
    said = {"HTTP_X_SET_EXPIRES": http_date(time.time() + 60)}
    client.get("/header/", **said)
    clock(30)
    assert client.get("/header/")["Expires"] == said["HTTP_X_SET_EXPIRES"]
    clock(40)
    client.get("/header/")
    client.get("/news/", **{"HTTP_X_SET_EXPIRES": "0"})

    assert rendered == ["/header/", "/header/", "/news/"]


def test_expires_ends_a_page_that_depends_on_time(client, rendered, site, clock):
    def during(request):
        dumper.expires(datetime.now(timezone.utc) + timedelta(seconds=90))
        dumper.expires(datetime.now(timezone.utc) + timedelta(seconds=30))
        dumper.expires(datetime.now(timezone.utc) + timedelta(seconds=60))

    site.during = staticmethod(during)
    client.get("/page/")
    clock(20)
    client.get("/page/")
    assert len(rendered) == 1
    clock(15)
    client.get("/page/")

    assert len(rendered) == 2


def test_a_page_whose_time_is_over_already_is_not_stored(client, rendered, site):
    site.during = staticmethod(lambda request: dumper.expires(datetime(2000, 1, 1)))
    for _ in range(2):
        assert "no-store" in client.get("/page/")["Cache-Control"]

    assert len(rendered) == 2


def test_statuses_may_be_stored_with_a_lifetime_of_their_own(client, rendered, settings, clock):
    settings.DUMPER_STATUSES = {200: None, 404: 30, 410: None, 302: 60}
    for code in (404, 410, 302):
        client.get(f"/status/{code}/")
        assert client.get(f"/status/{code}/").status_code == code
    assert len(rendered) == 3
    clock(45)
    for code in (404, 410, 302):
        client.get(f"/status/{code}/")

    assert rendered[3:] == ["/status/404/"]


def test_a_stored_404_is_purged_by_its_path(client, rendered, settings, purge):
    settings.DUMPER_STATUSES = [200, 404]
    client.get("/nowhere/")
    assert client.get("/nowhere/")["Cache-Status"] == "dumper; hit"
    purge("/nowhere/")

    assert client.get("/nowhere/")["Cache-Status"] == "dumper; fwd=miss"


@pytest.mark.parametrize("host", ["testserver", "testserver:443", "TESTSERVER"])
def test_a_redirect_that_differs_only_in_scheme_is_never_stored(
    client, settings, monkeypatch, host
):
    settings.DUMPER_STATUSES = [200, 301]
    from django.http import HttpResponsePermanentRedirect

    from tests.respond import urls

    monkeypatch.setattr(
        urls.urlpatterns[0],
        "callback",
        lambda request: HttpResponsePermanentRedirect(f"https://{host}/page/"),
    )
    for _ in range(2):
        assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


@pytest.mark.parametrize(
    "facts, expected",
    [
        ({}, (YEAR, False, 0, 0)),
        ({"ttl": 60}, (60, True, 0, 0)),
        ({"browser_ttl": 90}, (YEAR, False, 90, 0)),
        ({"ttl": 60, "browser_ttl": 90}, (60, True, 60, 0)),
        ({"grace": 5}, (YEAR, False, 0, 5)),
        ({"own": "max-age=60"}, (60, True, None, 0)),
        ({"own": "max-age=0, s-maxage=60"}, (60, True, None, 0)),
        ({"own": "s-maxage=60"}, (60, True, 0, 0)),
        ({"own": "max-age=60", "ttl": 600}, (600, True, None, 0)),
        ({"own": "max-age=60", "browser_ttl": 7}, (60, True, 7, 0)),
        ({"own": "no-transform"}, (YEAR, False, 0, 0)),
        ({"own": "max-age=99999999999999999999"}, (2**31 - 1, True, None, 0)),
        ({"own": 'max-age="60"'}, (60, True, None, 0)),
        ({"expires_after": 60}, (60, True, None, 0)),
        ({"expires_after": 60, "own": "max-age=9"}, (9, True, None, 0)),
        ({"time_left": 30}, (30, True, 0, 0)),
        ({"time_left": 30, "ttl": 20}, (20, True, 0, 0)),
        ({"targeted": "max-age=40"}, (40, True, 0, 0)),
        ({"targeted": "max-age=40", "own": "max-age=60"}, (40, True, None, 0)),
        ({"status": 404}, (30, True, 0, 0)),
        ({"status": 404, "own": "max-age=60"}, (60, True, None, 0)),
    ],
)
def test_the_lifetimes_that_follow_from_what_was_said(facts, expected):
    if "own" in facts:
        facts["own"] = parsed(facts["own"])
    if "targeted" in facts:
        facts["targeted"] = (parsed(facts["targeted"]),)
    decision = decide(Facts(**facts), replace(current(), statuses={200: None, 404: 30}))

    assert decision.storable
    assert (decision.ttl, decision.capped, decision.browser_ttl, decision.grace) == expected


@pytest.mark.parametrize(
    "facts, reason",
    [
        ({"status": 500}, "status 500"),
        ({"streaming": True}, "a streaming response"),
        ({"sets_cookie": True}, "Set-Cookie"),
        ({"vary": frozenset({"cookie"})}, "Vary: cookie"),
        ({"vary": frozenset({"*", "accept"})}, "Vary: *"),
        ({"own": {"private": None}}, "the view says private"),
        ({"targeted": ({"no-store": None},)}, "the view says no-store"),
        ({"cookies_read": frozenset({"b", "a"})}, "the cookie a was read"),
        ({"session": "written", "session_is_harmless": True}, "the session was written"),
        ({"session": "read"}, "the session was read"),
        ({"token_read": True}, "a CSRF token was read"),
        ({"messages_shown": True}, "messages"),
        ({"nonce": True}, "a nonce"),
        ({"redirects_to_itself": True}, "a redirect that differs only in scheme"),
        ({"undeclared_query": True}, "a query parameter was not declared"),
        ({"collected_changes": True}, "the request changed data"),
        ({"uncommitted": True}, "a transaction was open"),
        ({"spoiled": "a tag is invalid"}, "a tag is invalid"),
        ({"never": True}, "the view is never_edge"),
        ({"ttl": 0}, "it is over at once"),
        ({"time_left": 0}, "it is over at once"),
    ],
)
def test_each_reason_refuses_by_itself(facts, reason):
    decision = decide(Facts(**facts), current())

    assert not decision.storable
    assert decision.reason == reason


@pytest.mark.parametrize(
    "value, directives",
    [
        ("", {}),
        ("no-cache", {"no-cache": None}),
        ("Max-Age=5 , PUBLIC", {"max-age": "5", "public": None}),
        ('private="Set-Cookie, X", max-age=1', {"private": '"Set-Cookie, X"', "max-age": "1"}),
        ("max-age=5, max-age=9", {"max-age": "5"}),
        ("max-age = 5", {"max-age": "5"}),
        (",, ;=,", {}),
    ],
)
def test_cache_control_is_read(value, directives):
    assert parsed(value) == directives
