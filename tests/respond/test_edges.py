"""What each kind of edge is told: design, section 7."""

import time

import pytest

from dumper_purge import paths

pytestmark = pytest.mark.django_db

PAGE_CACHE = {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"}
YEAR = "max-age=31536000"
BROWSER = "max-age=0, must-revalidate"
PAGE_TAGS = ["everything", paths.path_tag("/page/")]


def behind(settings, *names, page_cache=True, **options):
    inner = {"page_cache": PAGE_CACHE} if page_cache else {}
    settings.DUMPER_BACKENDS = inner | {
        name: {"BACKEND": f"tests.respond.edges.{name}", **options} for name in names
    }


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the clock."""
    moved = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + moved[0])
    real_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(moved[0] * 1e9))
    return lambda seconds: moved.__setitem__(0, moved[0] + seconds)


@pytest.fixture
def quiet(client, clock):
    """Nothing was purged for a while: the generations are there, and old."""
    client.get("/news/1/")
    clock(3600)


def headers(response):
    shown = {"Surrogate-Control", "Cloudflare-CDN-Cache-Control", "Cache-Control", "xkey",
             "Surrogate-Key", "Cache-Tag", "X-Tags"}  # fmt: skip
    return {name: value for name, value in response.headers.items() if name in shown}


def test_varnish(client, settings, quiet):
    behind(settings, "Shield")

    for outcome in ("fwd=miss", "hit"):
        response = client.get("/page/")
        assert outcome in response["Cache-Status"]
        assert headers(response) == {
            "Cache-Control": BROWSER,
            "Surrogate-Control": YEAR,
            "xkey": " ".join(PAGE_TAGS),
        }


def test_grace_is_told_in_targeted_fields(client, settings, quiet):
    behind(settings, "Shield")
    settings.DUMPER_GRACE = 3600

    assert client.get("/page/")["Surrogate-Control"] == f"{YEAR}, stale-if-error=3600"


def test_cloudflare(client, settings, quiet):
    behind(settings, "Cloud", page_cache=False)

    assert headers(client.get("/page/")) == {
        "Cache-Control": BROWSER,
        "Cloudflare-CDN-Cache-Control": YEAR,
        "Cache-Tag": ",".join(PAGE_TAGS),
    }


def test_varnish_behind_cloudflare(client, settings, quiet):
    behind(settings, "Shield", "Cloud")

    assert headers(client.get("/page/")) == {
        "Cache-Control": BROWSER,
        "Surrogate-Control": YEAR,
        "xkey": " ".join(PAGE_TAGS),
        "Cloudflare-CDN-Cache-Control": YEAR,
        "Cache-Tag": ",".join(PAGE_TAGS),
    }


def test_cloudfront(client, settings, quiet):
    behind(settings, "Front")

    assert headers(client.get("/page/")) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "X-Tags": ",".join(PAGE_TAGS),
    }


def test_varnish_behind_cloudfront(client, settings, quiet):
    behind(settings, "Shield", "Front")

    assert headers(client.get("/page/")) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "Surrogate-Control": YEAR,
        "xkey": " ".join(PAGE_TAGS),
        "X-Tags": ",".join(PAGE_TAGS),
    }


def test_what_must_not_be_stored_has_no_targeted_field_and_no_tag(client, settings, quiet):
    behind(settings, "Shield", "Cloud")
    said = {"HTTP_X_SET_SURROGATE_CONTROL": YEAR, "HTTP_X_SET_XKEY": "a", "HTTP_X_SET_VARY": "*"}

    assert headers(client.get("/header/", **said)) == {
        "Cache-Control": "private, no-cache, no-store, max-age=0"
    }
    client.cookies["sessionid"] = "1"
    assert headers(client.get("/header/", **said)) == {
        "Cache-Control": "private, no-cache, no-store, max-age=0"
    }


def test_an_edge_that_does_not_honour_a_member_of_vary_may_not_store(client, settings, quiet):
    behind(settings, "Shield", "Cloud")
    response = client.get("/vary/", HTTP_ACCEPT_LANGUAGE="de")

    assert response["Surrogate-Control"] == YEAR
    assert response["Cloudflare-CDN-Cache-Control"] == "private, no-store, max-age=0"
    assert "Cache-Tag" not in response
    encoded = client.get("/header/", HTTP_X_SET_VARY="Accept-Encoding")
    assert encoded["Cloudflare-CDN-Cache-Control"] == YEAR


@pytest.mark.parametrize("query", ["?page=2", "?utm_source=mail"])
def test_an_edge_whose_purges_do_not_cover_queries_stores_none(client, settings, quiet, query):
    behind(settings, "Shield", "Cloud")
    response = client.get(f"/page/{query}")

    assert response["Surrogate-Control"] == YEAR
    assert response["Cloudflare-CDN-Cache-Control"] == "private, no-store, max-age=0"


def test_an_edge_that_reads_cache_control_and_may_not_store_is_told_so_there(
    client, settings, quiet
):
    from tests.respond import edges

    behind(settings, "Front")
    edges.Front.honoured_vary = frozenset()
    try:
        response = client.get("/vary/")
    finally:
        del edges.Front.honoured_vary

    assert headers(response) == {"Cache-Control": "max-age=0, must-revalidate, private"}


def test_of_two_edges_that_read_one_field_the_stricter_counts(client, settings, quiet):
    behind(settings, "Shield", "Narrow", "Ignorant")
    settings.DUMPER_BACKENDS["Ignorant"]["OPTIONS"] = {"bypasses_session_cookie": True}
    settings.DUMPER_BACKENDS = dict(settings.DUMPER_BACKENDS)
    response = client.get("/any/" + "/".join("abcdef"))

    assert response["Surrogate-Control"] == YEAR


REFUSAL = "private, no-store, max-age=0"


def test_an_edge_that_purges_tags_stores_every_port_of_its_hosts(client, settings, quiet):
    behind(settings, "Shield", HOSTS=["www.example.com"])

    for host in ("www.example.com", "www.example.com:8080", "www.example.com:80"):
        assert client.get("/page/", HTTP_HOST=host)["Surrogate-Control"] == YEAR


def test_an_edge_that_purges_urls_stores_its_hosts_and_no_other_port(client, settings, quiet):
    behind(settings, "Exact", HOSTS=["www.example.com", "shop.example.com:8080"])
    said = {
        host: client.get("/page/", HTTP_HOST=host)["Surrogate-Control"]
        for host in (
            "www.example.com", "www.example.com:80", "www.example.com:443",
            "www.example.com:8443", "shop.example.com:8080", "shop.example.com",
        )
    }  # fmt: skip

    assert said == {
        "www.example.com": YEAR,
        "www.example.com:80": YEAR,
        "www.example.com:443": YEAR,
        "www.example.com:8443": REFUSAL,
        "shop.example.com:8080": YEAR,
        "shop.example.com": REFUSAL,
    }


@pytest.mark.parametrize("edge", ["Shield", "Exact"])
def test_an_edge_may_not_store_a_host_that_it_does_not_serve(client, settings, quiet, edge):
    behind(settings, edge, HOSTS=["www.example.com"])
    settings.DUMPER_BROWSER_TTL = 600

    for outcome in ("fwd=miss", "hit"):
        response = client.get("/page/", HTTP_HOST="other.example.com")
        assert outcome in response["Cache-Status"]
        # Without a field of its own Varnish would go by the 600 s.
        assert response["Surrogate-Control"] == REFUSAL
        assert "xkey" not in response


def test_an_edge_of_another_host_does_not_keep_one_of_this_host_from_storing(
    client, settings, quiet
):
    behind(settings, "Shield", HOSTS=["www.example.com"])
    other = {"BACKEND": "tests.respond.edges.Exact", "HOSTS": ["other.example.com"]}
    settings.DUMPER_BACKENDS = {**settings.DUMPER_BACKENDS, "Exact": other}

    for host in ("www.example.com", "other.example.com"):
        assert client.get("/page/", HTTP_HOST=host)["Surrogate-Control"] == YEAR
    assert client.get("/page/", HTTP_HOST="third.example.com")["Surrogate-Control"] == REFUSAL


def test_a_page_that_was_purged_lately_is_kept_for_seconds_where_purges_do_not_wait(
    client, settings, quiet, purge, clock
):
    behind(settings, "Shield", "Cloud")
    purge("/page/")
    response = client.get("/page/")
    assert response["Cloudflare-CDN-Cache-Control"] == "max-age=5"
    assert response["Surrogate-Control"] == YEAR
    clock(6)
    assert client.get("/page/")["Cloudflare-CDN-Cache-Control"] == "max-age=5"
    clock(2)
    response = client.get("/page/")

    assert response["Cache-Status"] == "dumper; hit"
    assert response["Cloudflare-CDN-Cache-Control"] == YEAR


def test_a_page_that_was_not_purged_is_not_quarantined_with_the_others(
    client, settings, quiet, purge
):
    behind(settings, "Cloud")
    client.get("/page/")
    purge("/news/")

    assert client.get("/page/")["Cloudflare-CDN-Cache-Control"] == YEAR


def test_where_something_was_purged_lately_a_missing_generation_counts_as_purged(
    client, settings, quiet, purge
):
    behind(settings, "Cloud")
    purge("/news/")

    assert client.get("/page/")["Cloudflare-CDN-Cache-Control"] == "max-age=5"


def test_with_replicas_a_page_is_not_stored_until_they_caught_up(
    client, settings, quiet, purge, clock, rendered
):
    behind(settings, "Shield")
    settings.DUMPER_REPLICA_LAG = 30
    client.get("/page/")
    purge("/page/")
    rendered.clear()
    for _ in range(2):
        assert client.get("/page/")["Surrogate-Control"] == "max-age=5"
    assert len(rendered) == 2
    clock(33)
    client.get("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    assert client.get("/page/")["Surrogate-Control"] == YEAR


def test_an_edge_is_told_what_is_left_of_a_page_that_ends(client, settings, quiet, clock):
    behind(settings, "Shield")
    assert client.get("/minute/")["Surrogate-Control"] == "max-age=60"
    clock(40)
    response = client.get("/minute/")

    assert response["Cache-Status"] == "dumper; hit"
    assert response["Surrogate-Control"] in {"max-age=19", "max-age=20"}
    assert "Age" not in response


def test_browsers_behind_an_edge_are_told_what_is_left_of_their_time(client, settings, clock):
    behind(settings, "Shield")
    said = {"HTTP_X_SET_CACHE_CONTROL": "public, max-age=60"}
    client.get("/header/", **said)
    clock(40)

    assert client.get("/header/")["Cache-Control"] in {
        "max-age=19, public",
        "max-age=20, public",
    }


def test_head_and_304_carry_what_the_page_carries(client, settings, quiet):
    behind(settings, "Shield")
    page = client.get("/page/")

    assert headers(client.head("/page/")) == headers(page)
    not_modified = client.get("/page/", HTTP_IF_NONE_MATCH=page["ETag"])
    assert not_modified.status_code == 304
    assert headers(not_modified) == headers(page)


def test_a_page_whose_path_is_purged_while_it_is_rendered_is_stored_nowhere(
    client, settings, quiet, site, purge, rendered
):
    behind(settings, "Shield")
    site.during = staticmethod(lambda request: purge("/page/"))
    response = client.get("/page/")
    assert headers(response) == {"Cache-Control": "private, no-cache, no-store, max-age=0"}
    site.during = staticmethod(lambda request: None)

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_page_is_stored_while_others_are_purged(client, settings, quiet, site, purge):
    behind(settings, "Shield")
    client.get("/page/")
    purge("/page/")
    site.during = staticmethod(lambda request: purge("/other/"))

    assert client.get("/page/")["Surrogate-Control"] == YEAR
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_what_the_view_tells_the_edge_itself_is_respected(client, settings, quiet):
    behind(settings, "Shield")
    said = {"HTTP_X_SET_SURROGATE_CONTROL": "max-age=60"}
    assert client.get("/header/", **said)["Surrogate-Control"] == "max-age=60"


@pytest.mark.parametrize("field", ["SURROGATE_CONTROL", "CDN_CACHE_CONTROL"])
def test_what_the_view_keeps_from_the_edge_is_not_stored(client, settings, quiet, field):
    behind(settings, "Shield")
    said = {f"HTTP_X_SET_{field}": "no-store"}

    assert headers(client.get("/header/", **said)) == {
        "Cache-Control": "private, no-cache, no-store, max-age=0"
    }


def test_without_the_page_cache_every_request_is_rendered(client, settings, rendered):
    behind(settings, "Shield", page_cache=False)
    client.get("/page/")
    client.get("/page/")

    assert len(rendered) == 2


def test_varnish_is_told_how_long_django_had_the_request(client, settings, quiet):
    varnish = {
        "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
        "LOCATION": "http://127.0.0.1:6081",
        "OPTIONS": {"token": "t", "method": "xkey"},
    }
    settings.DUMPER_BACKENDS = {"page_cache": PAGE_CACHE, "varnish": varnish}

    seconds = [float(client.get("/page/")["Dumper-Elapsed"]) for _ in ("miss", "hit")]

    assert all(0 <= each < 5 for each in seconds)
    assert "Dumper-Elapsed" not in client.get("/private/").headers


def test_others_are_not_told(client, settings, quiet):
    behind(settings, "Cloud")

    assert "Dumper-Elapsed" not in client.get("/page/").headers
