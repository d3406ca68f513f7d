"""What a page is found by, and which requests nobody could purge."""

import pytest
from django.test import AsyncRequestFactory, RequestFactory

from dumper_purge.respond.address import address
from dumper_purge.respond.layers import current_layers

pytestmark = pytest.mark.django_db


def outcome(response):
    return response["Cache-Status"].removeprefix("dumper; ")


def test_host_and_scheme_are_part_of_the_key(client, rendered):
    client.get("/page/", HTTP_HOST="a.example")
    client.get("/page/", HTTP_HOST="b.example")
    client.get("/page/", HTTP_HOST="a.example:8000")
    client.get("/page/", secure=True, HTTP_HOST="a.example")
    assert len(rendered) == 4
    client.get("/page/", HTTP_HOST="a.example")
    client.get("/page/", secure=True, HTTP_HOST="a.example")
    assert len(rendered) == 4


def test_a_purge_of_a_path_covers_all_hosts_schemes_and_queries(client, rendered, purge):
    variants = [
        {"HTTP_HOST": "a.example"},
        {"HTTP_HOST": "b.example"},
        {"HTTP_HOST": "a.example", "secure": True},
        {"HTTP_HOST": "a.example", "query_params": {"page": "2"}},
    ]
    for _ in range(2):
        for variant in variants:
            client.get("/page/", **variant)
    purge("/page/")
    for variant in variants:
        client.get("/page/", **variant)

    assert len(rendered) == 8


def test_a_host_that_is_not_allowed_poisons_nothing(client, rendered, settings):
    settings.ALLOWED_HOSTS = [".example.com"]
    evil = client.get("/page/", HTTP_HOST="evil.org")
    assert outcome(evil) == "fwd=bypass"
    client.get("/page/", HTTP_HOST="www.example.com")
    assert outcome(client.get("/page/", HTTP_HOST="www.example.com")) == "hit"
    settings.ALLOWED_HOSTS = [".example.org"]

    assert outcome(client.get("/page/", HTTP_HOST="www.example.com")) == "fwd=bypass"


def test_a_host_that_is_taken_out_of_the_list_is_not_served_any_more(client, settings):
    settings.ALLOWED_HOSTS = ["www.example.com", "old.example.com"]
    for _ in range(2):
        client.get("/page/", HTTP_HOST="old.example.com")
    settings.ALLOWED_HOSTS.remove("old.example.com")

    assert outcome(client.get("/page/", HTTP_HOST="old.example.com")) == "fwd=bypass"


@pytest.mark.parametrize("host", ["EXAMPLE.com", "example.com."])
def test_another_spelling_of_the_host_is_served_and_not_stored(client, rendered, host):
    client.get("/page/", HTTP_HOST=host)

    assert outcome(client.get("/page/", HTTP_HOST=host)) == "fwd=bypass"


def test_a_forwarded_host_and_scheme_count_where_django_trusts_them(client, rendered, settings):
    said = {"HTTP_X_FORWARDED_HOST": "b.example", "HTTP_X_FORWARDED_PROTO": "https"}
    client.get("/page/")
    assert outcome(client.get("/page/", **said)) == "hit"
    settings.USE_X_FORWARDED_HOST = True
    assert outcome(client.get("/page/", **said)) == "fwd=miss"
    assert outcome(client.get("/page/", **said)) == "hit"
    assert outcome(client.get("/page/", HTTP_HOST="b.example")) == "hit"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert outcome(client.get("/page/", **said)) == "fwd=miss"


@pytest.mark.parametrize(
    "raw",
    ["/%70age/", "//page/", "/page%2f", "/page/../page/", "/./page/", "/page/%e9", "page/", ""],
)
def test_a_path_that_is_not_canonical_is_served_and_not_stored(client, rendered, raw):
    client.get("/page/")
    response = client.get("/page/", RAW_URI=raw or "/PAGE/")

    assert response.content == b"one"
    assert outcome(response) == "fwd=bypass"


@pytest.mark.parametrize(
    "raw", ["/page/", "/page/?page=2", "http://testserver/page/", "https://other/page/?x"]
)
@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_a_path_that_the_server_tells_is_stored_if_it_is_canonical(client, name, raw):
    client.get("/page/", **{name: raw})

    assert outcome(client.get("/page/", **{name: raw})) == "hit"


def test_a_prefix_that_a_proxy_cut_off_may_be_missing_from_the_raw_path(client, settings):
    settings.FORCE_SCRIPT_NAME = "/shop"
    for raw in ("/shop/page/", "/page/"):
        client.get("/page/", RAW_URI=raw)
        assert outcome(client.get("/page/", RAW_URI=raw)) == "hit"

    assert outcome(client.get("/page/", RAW_URI="/other/page/")) == "fwd=bypass"


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_a_question_mark_without_a_query_is_another_url_to_an_edge(client, name):
    client.get("/page/", **{name: "/page/"})

    assert outcome(client.get("/page/", **{name: "/page/?"})) == "fwd=bypass"


@pytest.mark.parametrize("path", ["/any/../page", "/any/./a"])
def test_dot_segments_are_not_stored(client, path):
    request = RequestFactory().get(path, PATH_INFO=path)

    assert address(request, current_layers()) == "the path is not canonical"


@pytest.mark.parametrize(
    "path, raw",
    [("/any/é/", "/any/%C3%A9/"), ("/any/a b/", "/any/a%20b/"), ("/any/50%/", "/any/50%25/")],
)
def test_paths_beyond_ascii_are_stored_and_purged(client, rendered, purge, path, raw):
    client.get(path, RAW_URI=raw)
    assert outcome(client.get(path, RAW_URI=raw)) == "hit"
    assert outcome(client.get(path)) == "hit"
    purge(path)

    assert outcome(client.get(path)) == "fwd=miss"


def test_asgi_servers_tell_the_raw_path_too():
    request = AsyncRequestFactory().get("/")
    request.path = request.path_info = "/any/é/"
    assert address(request, current_layers()).route.path == "/any/%C3%A9/"
    request.scope["raw_path"] = b"/any/%C3%A9/"
    assert address(request, current_layers()).route.path == "/any/%C3%A9/"
    request.scope["raw_path"] = b"/any/%c3%a9/"

    assert address(request, current_layers()) == "the path is not canonical"


def test_a_path_of_eight_thousand_bytes_has_a_key_that_memcached_takes(client):
    path = "/any/" + "x" * 8000
    client.get(path)

    assert outcome(client.get(path)) == "hit"
    key = address(RequestFactory().get(path), current_layers()).key
    assert len(key.plain) < 200
    assert "x" not in key.plain


def test_what_is_remembered_is_bounded(client, monkeypatch):
    from dumper_purge.respond import address as addresses
    from dumper_purge.respond import hints

    monkeypatch.setattr(addresses, "_MOST", 3)
    monkeypatch.setattr(hints, "_MOST", 3)
    for number in range(9):
        for _ in range(2):
            client.get(f"/news/{number}/")

    assert 1 <= len(current_layers().addresses) <= 3
    assert 1 <= len(hints._hints) <= 3
    assert outcome(client.get("/news/0/")) == "hit"


def test_declared_parameters_count(client, rendered):
    for query in ("", "?page=1", "?page=2", "?page=", "?page=1&page=2", "?page=2&page=1"):
        client.get(f"/page/{query}")
        assert outcome(client.get(f"/page/{query}")) == "hit"

    assert len(rendered) == 6


@pytest.mark.parametrize("query", ["?x=1", "?page=1&x=1", "?x", "?page[]=1", "?Page=1"])
def test_an_undeclared_parameter_is_served_and_not_stored(client, rendered, query):
    first = client.get(f"/page/{query}")
    client.get(f"/page/{query}")

    assert rendered == [f"/page/{query}"] * 2
    assert outcome(first) == "fwd=bypass"
    assert "no-store" in first["Cache-Control"]


def test_the_order_of_different_parameters_does_not_count(client, rendered, settings):
    settings.DUMPER_QUERY_PARAMETERS = ["page", "sort"]
    client.get("/page/?sort=b&page=2")
    client.get("/page/?page=2&sort=b")

    assert rendered == ["/page/?page=2&sort=b"]


def test_tracking_parameters_are_hidden_from_the_view_and_from_the_key(client, rendered, site):
    seen = []
    site.during = staticmethod(lambda request: seen.append(dict(request.GET)))
    client.get("/page/?utm_source=mail&page=2&gclid=1")
    assert outcome(client.get("/page/?page=2")) == "hit"
    assert outcome(client.get("/page/?fbclid=9&page=2")) == "hit"

    assert rendered == ["/page/?page=2"]
    assert seen == [{"page": ["2"]}]


def test_a_declared_parameter_is_no_tracking_parameter(client, rendered, settings):
    settings.DUMPER_QUERY_PARAMETERS = ["utm_term"]
    client.get("/page/?utm_term=a")
    client.get("/page/?utm_term=b")

    assert len(rendered) == 2


def test_a_redirect_keeps_the_tracking_parameters_of_its_request(client, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.common.CommonMiddleware"]
    response = client.get("/page?utm_source=mail")

    assert response["Location"] == "/page/?utm_source=mail"


def test_a_stored_redirect_keeps_the_tracking_parameters_of_each_request(client, settings):
    settings.DUMPER_STATUSES = [200, 301]
    client.get("/status/301/?utm_source=a")
    response = client.get("/status/301/?utm_source=b")

    assert outcome(response) == "hit"
    assert response["Location"] == "/elsewhere/?utm_source=b"
    assert client.get("/status/301/")["Location"] == "/elsewhere/"


def test_a_view_may_declare_its_own_parameters(client, rendered):
    client.get("/search/?q=lemon")
    assert outcome(client.get("/search/?q=lemon")) == "hit"
    assert outcome(client.get("/search/?q=lime")) == "fwd=miss"
    assert outcome(client.get("/page/?q=lemon")) == "fwd=bypass"
    assert outcome(client.get("/search/?q=lemon&page=2")) == "fwd=bypass"
    assert outcome(client.get("/nowhere/?q=lemon")) == "fwd=bypass"


def test_a_view_may_declare_that_none_counts(client, rendered):
    client.get("/narrow/?page=2")
    client.get("/narrow/?page=2")
    assert len(rendered) == 2
    client.get("/narrow/")

    assert outcome(client.get("/narrow/")) == "hit"


def test_a_query_with_too_many_fields_is_not_looked_up(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2

    assert client.get("/page/?page=1&page=2&page=3").status_code in {200, 400}


def test_nobody_can_write_the_key_of_a_variant_of_another_page(client, rendered):
    client.get("/vary/", HTTP_ACCEPT_LANGUAGE="de")
    from django.core.cache import caches

    variant = next(key for key in caches["default"]._cache if "#" in key)
    digest = variant.rpartition("#")[2]
    for query in (f"page=1#{digest}", f"page=1%23{digest}", f"#{digest}"):
        assert client.get(f"/vary/?{query}").status_code == 200

    assert [key for key in caches["default"]._cache if key.endswith(f"#{digest}")] == [variant]


def test_vary_is_honoured(client, rendered):
    german, english = {"HTTP_ACCEPT_LANGUAGE": "de"}, {"HTTP_ACCEPT_LANGUAGE": "en"}
    for headers in (german, english, {}):
        client.get("/vary/", **headers)
    assert len(rendered) == 3

    assert client.get("/vary/", **german).content == b"de"
    assert client.get("/vary/", **english).content == b"en"
    assert client.get("/vary/").content == b"-"
    assert client.get("/vary/", HTTP_ACCEPT_LANGUAGE="").content == b""
    assert len(rendered) == 4


def test_a_purge_covers_every_variant(client, rendered, purge):
    for language in ("de", "en"):
        client.get("/vary/", HTTP_ACCEPT_LANGUAGE=language)
    purge("/vary/")
    for language in ("de", "en"):
        client.get("/vary/", HTTP_ACCEPT_LANGUAGE=language)

    assert len(rendered) == 4


def test_a_variant_is_found_by_a_process_that_never_saw_the_page(client, rendered):
    from dumper_purge.respond import hints

    client.get("/vary/", HTTP_ACCEPT_LANGUAGE="de")
    hints.forget()

    assert client.get("/vary/", HTTP_ACCEPT_LANGUAGE="de").content == b"de"
    assert len(rendered) == 1


def test_the_order_of_languages_counts_and_that_of_encodings_does_not(client, rendered):
    client.get("/vary/", HTTP_ACCEPT_LANGUAGE="de, en")
    assert client.get("/vary/", HTTP_ACCEPT_LANGUAGE="en, de").content == b"en, de"
    client.get("/header/", HTTP_X_SET_VARY="Accept-Encoding", HTTP_ACCEPT_ENCODING="gzip, br")
    again = client.get(
        "/header/", HTTP_X_SET_VARY="Accept-Encoding", HTTP_ACCEPT_ENCODING="br,gzip"
    )

    assert outcome(again) == "hit"


def test_a_page_that_stops_varying_is_found(client, rendered, purge):
    client.get("/header/", HTTP_X_SET_VARY="X-A", HTTP_X_A="1")
    purge("/header/")
    client.get("/header/")
    assert outcome(client.get("/header/", HTTP_X_A="1")) == "hit"
    purge("/header/")
    client.get("/header/", HTTP_X_SET_VARY="X-A, X-B", HTTP_X_A="1")

    assert outcome(client.get("/header/", HTTP_X_A="1")) == "hit"
    assert outcome(client.get("/header/", HTTP_X_A="1", HTTP_X_B="1")) == "fwd=miss"
