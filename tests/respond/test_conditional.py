"""HEAD, If-* and Range are answered from the stored page."""

import pytest
from django.core.cache import cache
from django.utils.http import http_date

from tests.apis import pages

pytestmark = pytest.mark.django_db

OLD = http_date(1_600_000_000)


def page(*args, **kwargs):
    cache.clear()
    return pages.page(*args, **kwargs)


def test_head_is_answered_from_get(client, rendered):
    client.get("/page/")
    response = client.head("/page/")

    assert response["Cache-Status"] == "dumper; hit"
    assert rendered == ["/page/"]


def test_a_head_miss_stores_nothing(client, rendered):
    client.head("/page/")
    client.head("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"

    assert len(rendered) == 3


def test_a_browser_that_has_the_page_gets_304(client, rendered):
    etag = client.get("/page/")["ETag"]
    response = client.get("/page/", HTTP_IF_NONE_MATCH=etag)

    assert response.status_code == 304
    assert response.content == b""
    assert response["ETag"] == etag
    assert response["Cache-Control"] == "max-age=0, must-revalidate"
    assert response["Cache-Status"] == "dumper; hit"
    assert "Content-Type" not in response
    assert rendered == ["/page/"]


def test_a_conditional_request_fills_the_cache(client, rendered):
    etag = client.get("/page/")["ETag"]
    from django.core.cache import caches

    caches["default"].clear()
    response = client.get("/page/", HTTP_IF_NONE_MATCH=etag)
    assert response.status_code == 304
    assert client.get("/page/").content == b"one"

    assert len(rendered) == 2


def test_a_page_with_other_tags_has_another_etag_where_an_edge_keeps_them(settings):
    settings.DUMPER_BACKENDS = {"edge": {"BACKEND": "tests.respond.edges.Front"}}

    one, same, two = (page("testserver", tags=tags)["etag"] for tags in (["a"], ["a"], ["b"]))

    assert one == same != two


def test_another_etag_gets_the_page(client):
    client.get("/page/")

    assert client.get("/page/", HTTP_IF_NONE_MATCH='"other"').content == b"one"
    assert client.get("/page/", HTTP_IF_MATCH='"other"').status_code == 412


def test_the_view_never_sees_the_conditions_and_they_come_back(client, site):
    seen = []
    site.during = staticmethod(lambda request: seen.append(request))
    headers = {
        "HTTP_IF_NONE_MATCH": '"a"',
        "HTTP_IF_MODIFIED_SINCE": OLD,
    }
    names = []
    site.during = staticmethod(
        lambda request: (seen.append(request), names.extend(set(headers) & set(request.META)))
    )
    response = client.get("/page/", **headers)

    assert names == []
    assert set(headers) <= set(seen[0].META)
    assert response.status_code == 200
    assert response.content == b"one"


def test_a_range_is_answered_with_the_whole_page(client):
    client.get("/page/")

    assert client.get("/page/", HTTP_RANGE="bytes=0-1").content == b"one"


def test_an_etag_and_a_date_of_the_view_are_kept(client):
    said = {"HTTP_X_SET_ETAG": 'W/"mine"', "HTTP_X_SET_LAST_MODIFIED": OLD}
    assert client.get("/header/", **said)["ETag"] == 'W/"mine"'

    assert client.get("/header/", HTTP_IF_NONE_MATCH='"mine"').status_code == 304
    assert client.get("/header/", HTTP_IF_MODIFIED_SINCE=OLD).status_code == 304
    assert client.get("/header/", HTTP_IF_MODIFIED_SINCE=http_date(1)).status_code == 200


def test_without_an_etag_a_page_that_is_not_stored_is_sent(client):
    assert client.get("/never-edge/", HTTP_IF_NONE_MATCH='"a"').status_code == 200


def test_a_page_that_is_not_stored_is_answered_by_its_own_etag(client, rendered, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.http.ConditionalGetMiddleware"]
    said = {"HTTP_X_SET_CACHE_CONTROL": "private, max-age=60"}
    etag = client.get("/header/", **said)["ETag"]
    response = client.get("/header/", HTTP_IF_NONE_MATCH=etag, **said)

    assert response.status_code == 304
    assert response["Cache-Control"] == "private, max-age=60"


def test_a_stored_page_that_was_compressed_stays_so(client, rendered, settings, site):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.gzip.GZipMiddleware"]
    site.text = "one " * 200
    gzip = {"HTTP_ACCEPT_ENCODING": "gzip"}
    first = client.get("/page/", **gzip)
    second = client.get("/page/", **gzip)
    plain = client.get("/page/")

    assert first["Content-Encoding"] == second["Content-Encoding"] == "gzip"
    assert first.content == second.content
    assert second["Cache-Status"] == "dumper; hit"
    assert plain.content == site.text.encode()
    assert first["ETag"] != plain["ETag"]
