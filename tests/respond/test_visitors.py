"""Nothing that is one visitor's own is ever stored, or answered from what was stored."""

import copy
import json

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.middleware.csrf import get_token

pytestmark = pytest.mark.django_db

PAGE_CACHE = {"page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"}}
PRIVATE = "private, no-cache, no-store, max-age=0"


def is_stored(client, rendered, path, **headers):
    """Tell whether the second of two requests is a hit, and that the first said so to caches."""
    rendered.clear()
    client.cookies.clear()
    first = client.get(path, **headers)
    client.cookies.clear()
    client.get(path, **headers)
    stored = len(rendered) == 1
    assert ("private" in first["Cache-Control"]) is not stored
    return stored


def do(site, step):
    site.during = staticmethod(step)


def test_a_template_that_asks_who_is_there_is_stored_for_anonymous_visitors(client, rendered):
    response = client.get("/template/user/")

    assert response.content == b"log in"
    assert "Vary" not in response
    assert client.get("/template/user/")["Cache-Status"] == "dumper; hit"


def test_a_visitor_with_a_session_gets_his_own_page_and_leaves_nothing(client, rendered):
    client.get("/template/user/")
    client.force_login(User.objects.create_user("ann"))
    mine = client.get("/template/user/")
    client.cookies.clear()
    anonymous = client.get("/template/user/")

    assert mine.content == b"ann"
    assert mine["Cache-Control"] == PRIVATE
    assert mine["Cache-Status"] == "dumper; fwd=bypass"
    assert mine["Vary"] == "Cookie"
    assert anonymous.content == b"log in"
    assert len(rendered) == 2


def test_a_session_that_is_written_is_kept_and_the_page_is_not_stored(client, rendered, site):
    do(site, lambda request: request.session.update({"seen": request.session.get("seen", 0) + 1}))
    first = client.get("/page/")
    client.get("/page/")

    assert client.session["seen"] == 2
    assert first["Cache-Control"] == PRIVATE
    assert "Cookie" in first["Vary"]
    assert len(rendered) == 2


@pytest.mark.parametrize(
    "step",
    [
        lambda request: request.session.create(),
        lambda request: request.session.cycle_key(),
        lambda request: request.session.flush(),
        lambda request: request.session.set_expiry(0),
        lambda request: request.session.set_test_cookie(),
        lambda request: request.session.clear(),
    ],
)
def test_a_session_that_was_changed_in_any_way_is_refused(client, rendered, site, step):
    do(site, step)

    assert not is_stored(client, rendered, "/page/")


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "signed_cookies", "file"])
def test_reading_the_session_is_harmless_with_every_engine(
    client, rendered, site, settings, engine
):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    do(site, lambda request: request.session.get("theme"))

    assert is_stored(client, rendered, "/page/")


def test_a_session_of_ones_own_kind_may_replace_that_of_the_middleware(client, rendered, site):
    class Own:
        modified = False

    def during(request):
        assert hasattr(request, "session")
        del request.session
        assert not hasattr(request, "session")
        request.session = Own()

    do(site, during)
    client.raise_request_exception = False

    assert client.get("/page/").status_code == 200
    assert type(Own()).__name__ == "Own"


def test_a_session_that_was_there_before_the_middleware_is_harmless_too(client, rendered, settings):
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    settings.MIDDLEWARE = [sessions, *settings.MIDDLEWARE]

    assert is_stored(client, rendered, "/template/user/")


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "signed_cookies", "file"])
def test_what_a_get_request_writes_into_a_session_is_found_again(client, site, settings, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    do(site, lambda request: request.session.setdefault("theme", "dark"))
    client.get("/page/")
    found = []
    do(site, lambda request: found.append(request.session.get("theme")))
    client.get("/page/")

    assert found == ["dark"]


def test_a_page_that_read_the_session_is_refused_where_an_edge_does_not_bypass(
    client, rendered, settings
):
    settings.DUMPER_BACKENDS = {
        **PAGE_CACHE,
        "edge": {"BACKEND": "tests.respond.edges.Ignorant"},
    }
    response = client.get("/template/user/")

    assert response["Cache-Control"] == PRIVATE
    assert response["Vary"] == "Cookie"
    assert not is_stored(client, rendered, "/template/user/")


def test_vary_cookie_of_another_origin_is_refused(client, rendered):
    assert not is_stored(client, rendered, "/header/", HTTP_X_SET_VARY="Cookie")
    assert not is_stored(client, rendered, "/header/", HTTP_X_SET_VARY="Accept, *")


@pytest.mark.parametrize(
    "said",
    [
        "private",
        "no-store",
        "no-cache",
        'private="Set-Cookie"',
        "PRIVATE, max-age=60",
        'max-age=60, no-cache="x, y"',
    ],
)
def test_what_the_view_forbids_is_not_stored(client, rendered, said):
    assert not is_stored(client, rendered, "/header/", **{"HTTP_X_SET_CACHE_CONTROL": said})


def test_a_view_that_says_never_cache_is_respected(client, rendered):
    assert not is_stored(client, rendered, "/never-cache/")


def test_a_view_that_is_never_edge_is_not_stored(client, rendered):
    assert not is_stored(client, rendered, "/never-edge/")
    assert client.get("/never-edge/")["Cache-Control"] == PRIVATE


def test_set_cookie_without_vary_is_not_stored(client, rendered, monkeypatch):
    """A fault of Django's own cache middleware."""
    from tests.respond import urls

    def sets(request):
        rendered.append(request.path)
        response = HttpResponse("yours")
        response.set_cookie("colour", "red")
        return response

    monkeypatch.setattr(urls.urlpatterns[0], "callback", sets)

    assert not is_stored(client, rendered, "/page/")


def test_set_cookie_as_a_plain_header_is_not_stored(client, rendered):
    assert not is_stored(client, rendered, "/header/", **{"HTTP_X_SET_SET_COOKIE": "a=b"})


def test_a_page_with_a_csrf_token_is_not_stored(client, rendered, site):
    assert not is_stored(client, rendered, "/template/token/")
    do(site, get_token)
    assert not is_stored(client, rendered, "/page/")


def test_a_token_kept_in_the_session_is_not_stored(client, rendered, settings):
    settings.CSRF_USE_SESSIONS = True

    assert not is_stored(client, rendered, "/template/token/")
    assert is_stored(client, rendered, "/template/plain/")


def test_a_csrf_cookie_alone_is_looked_up_and_forwarded(client, rendered, site):
    client.get("/page/")
    client.cookies["csrftoken"] = "a" * 32
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    seen = []
    do(site, lambda request: seen.append(request.META["CSRF_COOKIE"]))
    client.get("/news/")

    assert seen == ["a" * 32]


def test_a_view_that_looks_at_the_csrf_cookie_itself_is_refused(client, rendered, site):
    do(site, lambda request: request.COOKIES.get("csrftoken"))

    assert not is_stored(client, rendered, "/page/")


def test_messages_that_are_shown_or_added_are_refused(client, rendered, site):
    do(site, lambda request: messages.info(request, "Saved."))

    assert not is_stored(client, rendered, "/page/")
    client.cookies.clear()
    client.get("/page/")
    shown = client.get("/template/messages/")
    assert shown.content == b"Saved.page"
    assert shown["Cache-Control"] == PRIVATE


@pytest.mark.parametrize("storage", ["fallback.Fallback", "session.Session"])
def test_a_page_that_would_show_messages_is_stored_while_there_are_none(
    client, rendered, settings, storage
):
    settings.MESSAGE_STORAGE = f"django.contrib.messages.storage.{storage}Storage"

    assert is_stored(client, rendered, "/template/messages/")


@pytest.mark.parametrize("cookie", ["sessionid", "messages", "preview"])
def test_a_request_with_a_bypass_cookie_is_bypassed(client, rendered, settings, cookie):
    settings.DUMPER_BYPASS_COOKIES = ["preview"]
    client.get("/page/")
    client.cookies[cookie] = "1"
    response = client.get("/page/")

    assert response["Cache-Status"] == "dumper; fwd=bypass"
    assert response["Cache-Control"] == PRIVATE
    assert len(rendered) == 2


def test_cookies_that_a_test_or_middleware_put_there_count(rf):
    from dumper_purge.respond import gate
    from dumper_purge.respond.layers import current_layers

    request = rf.get("/page/")
    request.COOKIES = {"sessionid": "1"}

    assert gate.bypass(request, current_layers()) is not None


@pytest.mark.parametrize(
    "header", ["xsessionid=1", "a=sessionid=1", "a=b; sessionids=2", "sessionid"]
)
def test_other_cookies_do_not_bypass(client, rendered, header):
    client.get("/page/")

    assert client.get("/page/", HTTP_COOKIE=header)["Cache-Status"] == "dumper; hit"


@pytest.mark.parametrize(
    "step",
    [
        lambda request: request.COOKIES.get("colour"),
        lambda request: "colour" in request.COOKIES,
        lambda request: request.COOKIES.setdefault("colour", "red"),
        lambda request: request.COOKIES.pop("colour", None),
        lambda request: request.get_signed_cookie("colour", None),
        lambda request: list(request.COOKIES),
        lambda request: len(request.COOKIES),
        lambda request: bool(request.COOKIES),
        lambda request: dict(request.COOKIES),
        lambda request: {**request.COOKIES},
        lambda request: request.COOKIES.copy(),
        lambda request: request.COOKIES.items(),
        lambda request: request.COOKIES == {},
        lambda request: {} | request.COOKIES,
        lambda request: repr(request.COOKIES),
        lambda request: request.COOKIES | {},
        lambda request: request.COOKIES != {"a": "b"},
        lambda request: request.COOKIES.keys(),
        lambda request: copy.copy(request.COOKIES),
        lambda request: not request.COOKIES or request.COOKIES.popitem(),
        lambda request: next(reversed(request.COOKIES), None),
        lambda request: [*request.COOKIES.values()],
    ],
)
def test_a_cookie_that_is_looked_at_is_refused_even_if_it_is_absent(client, rendered, site, step):
    do(site, step)

    assert not is_stored(client, rendered, "/page/")


@pytest.mark.parametrize(
    "step",
    [
        lambda request: json.dumps(request.COOKIES),
        lambda request: dict(**request.COOKIES),
        lambda request: "{colour}".format_map(request.COOKIES),
        lambda request: request.COOKIES["colour"],
        lambda request: sorted(request.COOKIES),
    ],
)
def test_a_cookie_that_is_there_cannot_be_looked_at_unseen(client, site, step):
    do(site, step)
    for _ in range(2):
        assert client.get("/page/", HTTP_COOKIE="colour=red")["Cache-Control"] == PRIVATE


def test_a_harmless_cookie_may_be_looked_at(client, rendered, site, settings):
    settings.DUMPER_HARMLESS_COOKIES = ["consent"]
    do(site, lambda request: request.COOKIES.get("consent"))

    assert is_stored(client, rendered, "/page/")


def test_an_absent_bypass_cookie_may_be_looked_at(client, rendered, site, settings):
    settings.DUMPER_BYPASS_COOKIES = ["preview"]
    do(site, lambda request: request.COOKIES.get("preview"))

    assert is_stored(client, rendered, "/page/")


def test_a_language_cookie_never_leaks_one_visitors_language(client, rendered, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    assert not is_stored(client, rendered, "/page/")
    settings.DUMPER_BYPASS_COOKIES = ["django_language"]

    assert is_stored(client, rendered, "/page/")
    client.cookies["django_language"] = "de"
    response = client.get("/page/")
    assert response["Content-Language"] == "de"
    assert response["Cache-Status"] == "dumper; fwd=bypass"


def test_authorization_is_bypassed(client, rendered):
    client.get("/page/")
    response = client.get("/page/", HTTP_AUTHORIZATION="Basic QQ==")

    assert response["Cache-Status"] == "dumper; fwd=bypass"
    assert response["Cache-Control"] == PRIVATE
    assert client.get("/page/", REMOTE_USER="ann")["Cache-Status"] == "dumper; fwd=bypass"


@pytest.mark.parametrize("name", ["CONTENT_SECURITY_POLICY", "CONTENT_SECURITY_POLICY_REPORT_ONLY"])
def test_a_nonce_is_refused(client, rendered, name):
    said = {f"HTTP_X_SET_{name}": "script-src 'nonce-abc'"}

    assert not is_stored(client, rendered, "/header/", **said)


@pytest.mark.parametrize("path", ["/stream/", "/file/"])
def test_streaming_and_file_responses_pass_through(client, rendered, path):
    response = client.get(path)

    assert b"".join(response.streaming_content)
    assert response["Cache-Control"] == PRIVATE
    assert b"".join(client.get(path).streaming_content)
    assert rendered == [path, path]


@pytest.mark.parametrize("code", [201, 301, 302, 400, 403, 404, 410, 500, 503])
def test_other_statuses_are_not_stored(client, rendered, code):
    client.raise_request_exception = False

    assert not is_stored(client, rendered, f"/status/{code}/")


def test_an_exception_is_not_stored(client, rendered, site):
    client.raise_request_exception = False

    def fail(request):
        raise RuntimeError

    do(site, fail)
    assert client.get("/page/")["Cache-Control"] == PRIVATE
    do(site, lambda request: None)
    assert client.get("/page/").content == b"one"


def test_an_ignored_path_is_neither_stored_nor_served(client, rendered, settings):
    client.get("/page/")
    settings.DUMPER_PATH_IGNORE_REGEX = "^/(page|admin)/"
    response = client.get("/page/")

    assert response["Cache-Status"] == "dumper; fwd=bypass"
    assert response["Cache-Control"] == PRIVATE
    assert not is_stored(client, rendered, "/admin/page/")


def test_on_an_ignored_path_the_view_may_say_otherwise(client):
    assert client.get("/admin/public/")["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("said", ["no-store", "no-cache, max-age=9"])
def test_on_an_ignored_path_what_must_not_be_stored_is_private(client, settings, said):
    """Fastly takes no note of the other two."""
    settings.DUMPER_PATH_IGNORE_REGEX = "^/header/"

    response = client.get("/header/", **{"HTTP_X_SET_CACHE_CONTROL": said})

    assert "private" in response["Cache-Control"]


def test_what_is_private_in_part_is_private_as_a_whole(client):
    response = client.get("/header/", **{"HTTP_X_SET_CACHE_CONTROL": 'private="X-Foo", max-age=5'})

    assert response["Cache-Control"] == "private, max-age=5"


def test_what_is_bypassed_is_private_whatever_the_view_says(client):
    client.cookies["sessionid"] = "1"
    response = client.get(
        "/header/", **{"HTTP_X_SET_CACHE_CONTROL": "public, s-maxage=9, max-age=5"}
    )

    assert response["Cache-Control"] == "max-age=5, private"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_unsafe_methods_are_let_through_untouched(client, rendered, method):
    client.get("/page/")
    response = getattr(client, method)("/page/")

    assert "Cache-Control" not in response
    assert response["Cache-Status"] == "dumper; fwd=method"
    assert len(rendered) == 2


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"CONTENT_LENGTH": "4"},
        {"CONTENT_TYPE": "text/plain; charset=latin-1"},
    ],
)
def test_requests_with_inputs_that_are_no_part_of_the_key_are_bypassed(client, rendered, header):
    client.get("/page/")

    assert client.get("/page/", **header)["Cache-Status"] == "dumper; fwd=bypass"


def test_reasons_are_told_only_with_debug(client, settings):
    client.cookies["sessionid"] = "1"
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=bypass"
    settings.DEBUG = True
    bypassed = client.get("/page/")["Cache-Status"]
    client.cookies.clear()
    missed = client.get("/never-edge/")["Cache-Status"]

    assert bypassed == (
        'dumper; fwd=bypass; detail="the request has a session, message or bypass cookie"'
    )
    assert missed == (
        'dumper; fwd=miss; detail="the view is never_edge";'
        ' key="dumper.cached_path.p1.|http://testserver/never-edge/?"'
    )


def test_the_reason_is_in_the_debug_log(client, caplog):
    with caplog.at_level("DEBUG", "dumper.respond"):
        client.get("/never-edge/")

    assert caplog.messages == ["GET '/never-edge/': dumper; fwd=miss (the view is never_edge)"]
