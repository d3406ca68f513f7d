"""The doors: one middleware or the pair, sync and async, and what surrounds them."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.http import HttpResponse

import dumper_purge as dumper
from dumper_purge import middleware
from dumper_purge.respond import serving
from tests.respond import urls

pytestmark = pytest.mark.django_db

PAIR = [
    "dumper_purge.middleware.UpdateCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dumper_purge.middleware.FetchFromCacheMiddleware",
]


@pytest.fixture(params=["one", "pair"])
def stack(request, settings):
    """Use the one middleware, then the pair."""
    if request.param == "pair":
        settings.MIDDLEWARE = PAIR
    return request.param


@pytest.fixture
def registered():
    """Register Group, whose page is /page/."""
    dumper.register(Group, paths=lambda group: ["/page/"])
    yield Group
    dumper.unregister(Group)


@pytest.mark.parametrize("path", ["/page/", "/async/", "/template/user/"])
def test_a_page_is_a_hit_in_every_stack(client, async_client, rendered, stack, path):
    client.get(path)
    assert client.get(path)["Cache-Status"] == "dumper; hit"
    response = async_to_sync(async_client.get)(path)

    assert response["Cache-Status"] == "dumper; hit"
    assert response.content == client.get(path).content
    assert len(rendered) == 1


@pytest.mark.parametrize("path", ["/page/", "/async/"])
def test_an_async_stack_stores_and_bypasses(async_client, rendered, stack, path):
    get = async_to_sync(async_client.get)
    assert get(path)["Cache-Status"] == "dumper; fwd=miss"
    hit = get(path)
    assert hit["Cache-Status"] == "dumper; hit"
    assert get(path, headers={"If-None-Match": hit["ETag"]}).status_code == 304
    async_client.cookies["sessionid"] = "1"

    assert get(path)["Cache-Status"] == "dumper; fwd=bypass"
    assert len(rendered) == 2


@pytest.mark.parametrize("path", ["/page/", "/async/"])
def test_what_a_view_says_in_an_async_stack_counts(async_client, rendered, site, purge, path):
    site.during = staticmethod(lambda request: dumper.tag("sponsors"))
    get = async_to_sync(async_client.get)
    get(path)
    assert get(path)["Cache-Status"] == "dumper; hit"
    purge(tags=["sponsors"])
    get(path)

    assert len(rendered) == 2


def test_async_views_may_be_decorated(async_client, rendered, monkeypatch):
    monkeypatch.setattr(urls.urlpatterns[1], "callback", dumper.never_edge(urls.async_page))
    get = async_to_sync(async_client.get)

    assert "no-store" in get("/async/")["Cache-Control"]


def test_a_hit_of_the_pair_is_never_written_back(client, rendered, settings, purge):
    """Purged between the look-up and the response, a hit must not come back to life."""
    settings.MIDDLEWARE = PAIR
    client.get("/page/")
    fetch = middleware.FetchFromCacheMiddleware.answer
    try:
        middleware.FetchFromCacheMiddleware.answer = lambda self, request: (
            purge("/page/"), fetch(self, request),
        )[1]  # fmt: skip
        assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    finally:
        middleware.FetchFromCacheMiddleware.answer = fetch

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_what_middleware_inside_the_pair_adds_to_a_hit_is_judged_again(client, settings, rendered):
    settings.MIDDLEWARE = [*PAIR[:-1], "tests.respond.test_middleware.counting", PAIR[-1]]
    counting.cookie = False
    client.get("/page/")
    counting.cookie = True
    response = client.get("/page/")

    assert response.content == b"one"
    assert "private" in response["Cache-Control"]
    assert len(rendered) == 1


def counting(get_response):
    """Middleware that sets a cookie now and then."""

    def answer(request):
        response = get_response(request)
        if counting.cookie:
            response.set_cookie("seen", "1")
        return response

    return answer


def test_the_inner_one_of_the_pair_alone_finds_nothing(client, settings, rendered):
    settings.MIDDLEWARE = PAIR[1:]
    client.get("/page/")
    client.get("/page/")

    assert len(rendered) == 2


@pytest.mark.parametrize("name", middleware.__all__)
def test_without_the_app_the_middleware_refuses_to_start(settings, name):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "dumper_purge"]

    with pytest.raises(ImproperlyConfigured, match=f"{name} needs 'dumper_purge'"):
        getattr(middleware, name)(lambda request: HttpResponse())


def test_a_page_that_writes_is_not_stored(client, rendered, site, stack, registered):
    site.during = staticmethod(lambda request: Group.objects.create(name=f"g{len(rendered)}"))
    for _ in range(2):
        assert "no-store" in client.get("/page/")["Cache-Control"]

    assert len(rendered) == 2


def test_a_page_whose_own_write_was_rolled_back_is_not_stored(client, rendered, site, registered):
    def during(request):
        with transaction.atomic():
            Group.objects.create(name="never")
            transaction.set_rollback(True)

    site.during = staticmethod(during)
    client.get("/news/")
    client.get("/news/")

    assert len(rendered) == 2


@pytest.mark.django_db(transaction=True)
def test_a_save_makes_the_next_request_a_miss(client, site, registered):
    client.get("/page/")
    site.text = "two"
    Group.objects.create(name="staff")

    assert client.get("/page/").content == b"two"


@pytest.mark.django_db(transaction=True)
def test_a_page_rendered_inside_an_uncommitted_transaction_is_not_stored(client, rendered):
    with transaction.atomic():
        for _ in range(2):
            assert "no-store" in client.get("/page/")["Cache-Control"]
    client.get("/page/")

    assert len(rendered) == 3
    with transaction.atomic():
        assert client.get("/page/")["Cache-Status"] == "dumper; hit"


@pytest.mark.django_db(transaction=True)
def test_a_page_that_left_a_transaction_open_is_not_stored(client, rendered, site):
    block = transaction.atomic()
    site.during = staticmethod(lambda request: block.__enter__())
    try:
        client.get("/page/")
    finally:
        block.__exit__(None, None, None)
    site.during = staticmethod(lambda request: None)
    client.get("/page/")

    assert len(rendered) == 2


@pytest.mark.django_db(transaction=True)
def test_a_page_rendered_in_manual_transaction_mode_is_not_stored(client, rendered):
    connection.ensure_connection()
    transaction.set_autocommit(False)
    try:
        assert "no-store" in client.get("/page/")["Cache-Control"]
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    client.get("/page/")

    assert len(rendered) == 2


@pytest.mark.django_db(transaction=True)
def test_atomic_requests_do_not_keep_pages_from_being_stored(client, rendered, settings):
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        client.get("/page/")
        assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_the_transactions_of_a_test_case_do_not_count(client):
    assert connection.in_atomic_block
    client.get("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_a_request_within_a_request_has_a_page_of_its_own(client, site, purge):
    from django.test import Client

    def during(request):
        if request.path == "/page/":
            dumper.tag("outer")
            Client().get("/news/")
            dumper.tag("outer2")
        else:
            dumper.tag("inner")

    site.during = staticmethod(during)
    client.get("/page/")
    purge(tags=["inner"])
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge(tags=["outer2"])

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_an_answer_of_inner_middleware_is_judged_like_any_other(client, settings, rendered):
    settings.DUMPER_STATUSES = [200, 301]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.common.CommonMiddleware"]
    client.get("/page")
    response = client.get("/page")

    assert response["Location"] == "/page/"
    assert response["Cache-Status"] == "dumper; hit"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_hit_can_be_used_like_any_response(client, monkeypatch, is_known):
    """It can, too, when a later Django makes responses of other parts."""
    assert serving._IS_AS_KNOWN
    monkeypatch.setattr(serving, "_IS_AS_KNOWN", is_known)
    client.get("/page/")
    response = client.get("/page/")

    assert response.status_code == 200
    assert response.reason_phrase == "OK"
    assert response.charset == "utf-8"
    assert response.text == "one" if hasattr(response, "text") else True
    assert response.closed
    assert list(response) == [b"one"]
    assert vars(HttpResponse()).keys() <= vars(response).keys()
    response["X-More"] = "1"
    response.set_cookie("a", "b")
    other = client.get("/page/")
    assert "X-More" not in other
    assert not other.cookies
