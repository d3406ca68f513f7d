"""Ways in which one visitor's page, or somebody's secret, could reach others."""

import logging
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import caches
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from dumper_purge import conf
from dumper_purge.respond import gate, status
from dumper_purge.respond.address import address
from dumper_purge.respond.exchange import begin
from dumper_purge.respond.layers import current_layers
from dumper_purge.respond.policy import Facts, decide
from tests.respond.test_edges import behind

pytestmark = pytest.mark.django_db

PRIVATE = "private, no-cache, no-store, max-age=0"


def is_stored(client, path, **headers):
    client.get(path, **headers)
    return client.get(path, **headers)["Cache-Status"] == "dumper; hit"


def do(site, step):
    site.during = staticmethod(step)


@pytest.mark.parametrize("name", ["HTTP_SCRIPT_NAME", "HTTP_PATH_INFO"])
def test_a_request_that_says_where_the_site_begins_is_bypassed(client, name):
    client.get("/news/")
    response = client.get("/news/", **{name: "/news"})

    assert response["Cache-Status"] == "dumper; fwd=bypass"
    assert response["Cache-Control"] == PRIVATE


def test_the_same_path_under_another_script_name_is_another_page(rf):
    pages = [
        address(rf.get("/news/"), current_layers()),
        address(rf.get("/", SCRIPT_NAME="/news"), current_layers()),
        address(rf.get("/news/?page=2"), current_layers()),
        address(rf.get("/?page=2", SCRIPT_NAME="/news"), current_layers()),
    ]

    assert [page.key.plain for page in pages] == [
        "dumper.cached_path.p1.|http://testserver/news/?",
        "dumper.cached_path.p1.|http://testserver/news/?|/news",
        "dumper.cached_path.p1.|http://testserver/news/?page=2",
        "dumper.cached_path.p1.|http://testserver/news/?page=2|/news",
    ]


def test_a_site_that_forces_its_script_name_ignores_the_server(client, settings):
    settings.FORCE_SCRIPT_NAME = "/app"
    factory = RequestFactory()
    keys = {
        address(factory.get("/news/", SCRIPT_NAME=name), current_layers()).key.plain
        for name in ("", "/app", "/other")
    }

    assert keys == {"dumper.cached_path.p1.|http://testserver/app/news/?|/app"}


@pytest.mark.parametrize(
    "step",
    [
        lambda request: request.META["CSRF_COOKIE"],
        lambda request: request.META.get("CSRF_COOKIE"),
        lambda request: "CSRF_COOKIE" in request.META,
        lambda request: request.environ["CSRF_COOKIE"],
        lambda request: dict(request.META),
        lambda request: {**request.META},
        lambda request: request.META.copy(),
        lambda request: request.META.items(),
        lambda request: list(request.META.values()),
        lambda request: sorted(request.META),
        lambda request: repr(request.META),
        lambda request: request.META | {},
        lambda request: {} | request.META,
    ],
)
def test_the_csrf_secret_is_in_nobodys_page(client, site, step):
    do(site, step)
    client.cookies["csrftoken"] = "a" * 32

    assert not is_stored(client, "/page/")
    assert client.get("/page/")["Cache-Control"] == PRIVATE


@pytest.mark.parametrize(
    "step",
    [
        lambda request: request.META["HTTP_COOKIE"],
        lambda request: request.META.get("HTTP_COOKIE"),
        lambda request: request.META.setdefault("HTTP_COOKIE", ""),
        lambda request: request.environ.get("HTTP_COOKIE"),
        lambda request: request.headers["Cookie"],
        lambda request: request.headers.get("cookie"),
        lambda request: dict(request.headers),
        lambda request: list(request.headers.values()),
        lambda request: request.headers.items(),
    ],
)
def test_the_cookie_header_is_in_nobodys_page(client, site, step):
    do(site, step)

    assert not is_stored(client, "/page/", HTTP_COOKIE="colour=red")


@pytest.mark.parametrize(
    "step",
    [
        lambda request: request.META.get("HTTP_HOST"),
        lambda request: request.META.setdefault("mine", "1"),
        lambda request: request.META.pop("HTTP_X", None),
        lambda request: request.headers.get("User-Agent"),
        lambda request: request.accepts("text/html"),
        lambda request: request.user.is_authenticated,
        lambda request: request.build_absolute_uri(),
    ],
)
def test_all_else_that_is_asked_of_a_request_is_fine_beside_cookies(client, site, step):
    do(site, step)

    assert is_stored(client, "/page/", HTTP_COOKIE=f"colour=red; csrftoken={'a' * 32}")


def test_what_a_view_puts_into_meta_stays_there(client, site):
    do(site, lambda request: request.META.update(mine="1"))
    request = client.get("/page/").wsgi_request

    assert type(request.META) is dict
    assert request.META is request.environ
    assert request.META["mine"] == "1"


def test_the_headers_of_an_async_request_are_recorded_too():
    request = AsyncRequestFactory().get("/page/", headers={"X-Mine": "1", "Cookie": "a=b"})
    exchange = begin(request)
    exchange.prepare()

    assert request.headers["X-Mine"] == "1"
    assert request.headers["Cookie"].startswith("a=b")
    response = exchange.finish(HttpResponse("one"), collected_changes=False)
    assert response["Cache-Control"] == PRIVATE


ANN = User(username="ann")


@pytest.mark.parametrize(
    "known",
    [
        {"user": ANN},
        {"_cached_user": ANN},
        {"_acached_user": ANN},
        {"user": SimpleNamespace(is_authenticated=True)},
    ],
)
def test_a_page_for_a_user_without_a_session_is_refused(client, site, known):
    do(site, lambda request: vars(request).update(known))

    assert not is_stored(client, "/page/")


def lazily(user, *, looked_at):
    def put(request):
        request.user = SimpleLazyObject(lambda: user)
        if looked_at:
            str(request.user)

    return put


def test_a_lazy_user_counts_as_soon_as_he_is_looked_at(client, site):
    do(site, lazily(ANN, looked_at=True))
    assert not is_stored(client, "/page/")
    do(site, lazily(AnonymousUser(), looked_at=True))
    assert is_stored(client, "/news/")
    do(site, lazily(ANN, looked_at=False))
    assert is_stored(client, "/news/5/")


@pytest.mark.parametrize("space", ["\xc2\xa0", "\xe3\x80\x80", "\xa0", "\x1f"])
def test_a_bypass_cookie_does_not_hide_behind_white_space(client, settings, space):
    settings.DUMPER_BYPASS_COOKIES = ["django_language"]
    client.get("/page/")
    response = client.get("/page/", HTTP_COOKIE=f"{space}django_language=de")

    assert response["Cache-Status"] == "dumper; fwd=bypass"


def test_a_bypass_cookie_that_was_overlooked_is_refused(client, settings, monkeypatch):
    settings.DUMPER_BYPASS_COOKIES = ["preview"]
    monkeypatch.setattr(gate, "_has_bypass_cookie", lambda request, header, layers: False)

    assert not is_stored(client, "/page/", HTTP_COOKIE="preview=1")


def generation_keys():
    return {key for key in caches["default"]._cache if ".g." in key}


def test_paths_without_a_page_leave_nothing_in_the_cache(client):
    for number in range(5):
        client.get(f"/nowhere/{number}/")
        client.get(f"/status/404/?page={number}")

    assert generation_keys() == {":1:dumper.cached_path.g.*"}
    assert is_stored(client, "/page/")


@pytest.mark.parametrize(
    "host", ["a." * 127 + "example", "www.example.com:000080", "www.example.com:123456"]
)
def test_a_host_that_nobody_has_is_bypassed(client, host):
    assert client.get("/page/", HTTP_HOST=host)["Cache-Status"] == "dumper; fwd=bypass"


@pytest.fixture
def aged(client, settings, monkeypatch):
    """Return a function that answers with a page that is 100 seconds old."""
    import time

    def get(path):
        client.get(path)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 100)
        return client.get(path)

    behind(settings, "Shield")
    return get


@pytest.mark.parametrize("path", ["/page/", "/tagged/"])
def test_no_edge_counts_the_age_of_a_page_twice(aged, settings, path):
    settings.DUMPER_TTL = 1000
    settings.DUMPER_QUARANTINE = 0
    response = aged(path)

    assert response["Cache-Status"] == "dumper; hit"
    assert response["Surrogate-Control"] == "max-age=1000"
    assert "Age" not in response


def test_no_secret_of_a_backend_is_in_a_repr(settings):
    settings.DUMPER_BACKENDS = {
        "varnish": {
            "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
            "LOCATION": ["http://user:hunter2@127.0.0.1:6081"],
            "OPTIONS": {"token": "hunter2"},
        }
    }

    assert "hunter2" not in repr(conf.current())
    settings.DUMPER_BACKENDS = {
        "page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"}
    }
    assert "PageCacheBackend" not in repr(conf.current()) + repr(current_layers())


def test_a_path_writes_no_line_of_its_own_into_the_log(client, caplog):
    caplog.set_level(logging.DEBUG, "dumper.respond")
    client.get("/admin/page/%0a2026 forged")

    assert "/admin/page/\\n2026 forged" in caplog.text
    assert "\n2026 forged" not in caplog.text


PAIR = [
    "dumper_purge.middleware.UpdateCacheMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tests.respond.test_leaks.Between",
    "dumper_purge.middleware.FetchFromCacheMiddleware",
]


class Between:
    """Middleware between the pair."""

    after = staticmethod(lambda request, response: response)

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.after(request, self.get_response(request))


@pytest.fixture
def between(settings):
    """Use django-dumper's pair, and return the class of what is between."""
    settings.MIDDLEWARE = PAIR
    yield Between
    Between.after = staticmethod(lambda request, response: response)


def test_a_hit_has_the_fields_that_its_page_was_stored_with(client, site, between, monkeypatch):
    def exempt(request):
        response = HttpResponse("one")
        response.xframe_options_exempt = True
        return response

    from tests.respond import urls

    monkeypatch.setattr(urls.urlpatterns[0], "callback", exempt)
    first, second = client.get("/page/"), client.get("/page/")

    assert second["Cache-Status"] == "dumper; hit"
    assert "X-Frame-Options" not in first
    assert "X-Frame-Options" not in second


def vary_more(request, response):
    response["Vary"] = "Accept-Language"
    return response


def test_what_a_hit_varies_on_is_never_taken_back(client, between):
    client.get("/page/")
    between.after = staticmethod(vary_more)
    response = client.get("/page/")

    assert response["Cache-Status"] == "dumper; hit"
    assert response["Vary"] == "accept-language"


def test_a_hit_that_middleware_replaced_is_kept_out_of_caches(client, between):
    client.get("/page/")
    between.after = staticmethod(lambda request, response: HttpResponse("closed", status=403))

    assert client.get("/page/")["Cache-Control"] == PRIVATE


def test_a_hit_is_not_for_a_visitor_whom_inner_middleware_knows(
    client, rendered, settings, between
):
    client.get("/page/")
    settings.MIDDLEWARE = [PAIR[0], "tests.respond.test_leaks.knows_ann", PAIR[3]]

    assert Client().get("/page/")["Cache-Control"] == PRIVATE
    assert len(rendered) == 2


def knows_ann(get_response):
    def middleware(request):
        request.user = ANN
        return get_response(request)

    return middleware


@pytest.mark.parametrize(
    "accepted, hits",
    [("gzip,br", True), (" br , gzip ", True), ("GZIP, br", True), ("g zip, br", False)],
)
def test_only_the_space_around_a_coding_does_not_count(client, accepted, hits):
    said = {"HTTP_X_SET_VARY": "Accept-Encoding"}
    client.get("/header/", HTTP_ACCEPT_ENCODING="gzip, br", **said)
    response = client.get("/header/", HTTP_ACCEPT_ENCODING=accepted, **said)

    assert (response["Cache-Status"] == "dumper; hit") is hits


def test_a_range_is_the_views_and_its_answer_is_not_stored(client, rendered, site):
    seen = []
    names = ("HTTP_RANGE", "HTTP_IF_MATCH")
    do(site, lambda request: seen.append(tuple(map(request.META.get, names))))
    response = client.get("/page/", HTTP_RANGE="bytes=0-1", HTTP_IF_MATCH="*")
    assert response["Cache-Control"] == PRIVATE
    do(site, lambda request: None)
    client.get("/page/")
    whole = client.get("/page/", HTTP_RANGE="bytes=0-1")

    assert seen == [("bytes=0-1", None)]
    assert (whole.status_code, whole.content) == (200, b"one")
    assert whole["Cache-Status"] == "dumper; hit"
    assert len(rendered) == 2


def test_a_query_that_is_not_encoded_is_the_views_as_it_came(client, site):
    seen = []
    do(site, lambda request: seen.append(request.GET["page"]))
    response = client.get("/page/", QUERY_STRING="page=\xc3\xa4")

    assert seen == ["ä"]
    assert response["Cache-Status"] == "dumper; fwd=bypass"


def test_a_response_that_is_sent_again_reports_once():
    response = HttpResponse()
    response["Cache-Status"] = 'inner; hit; detail="dumper, it is"'
    for _ in range(3):
        status.tell(
            RequestFactory().get("/"), response, status.BYPASS, "a session, or a message", ""
        )
    status.tell(RequestFactory().get("/"), response, status.MISS)

    assert response["Cache-Status"] == 'inner; hit; detail="dumper, it is", dumper; fwd=miss'


def test_a_nonce_that_was_made_is_refused_whatever_the_header_says(client, site):
    do(site, lambda request: setattr(request, "_csp_nonce", "abc"))
    assert not is_stored(client, "/page/")
    do(site, lambda request: setattr(request, "_csp_nonce", ""))

    assert is_stored(client, "/news/")


@pytest.mark.parametrize(
    "fact, reason",
    [
        ("cookie_header_read", "the Cookie header was read"),
        ("token_read", "a CSRF token was read"),
        ("authenticated", "the user was authenticated"),
        ("ranged", "the request asks for a range"),
        ("nonce", "a nonce"),
    ],
)
def test_the_reason_is_named(fact, reason):
    assert decide(Facts(**{fact: True}), conf.current()).reason == reason
