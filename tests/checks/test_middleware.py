"""The middleware: W008 to W013."""

import pytest

from tests.checks.site import found

CACHE = "dumper_purge.middleware.CacheMiddleware"
UPDATE = "dumper_purge.middleware.UpdateCacheMiddleware"
FETCH = "dumper_purge.middleware.FetchFromCacheMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"


@pytest.mark.parametrize(
    "middleware",
    [
        [CACHE, SESSION],
        [UPDATE, SESSION, FETCH],
        [SECURITY, CACHE, SESSION],
        [SECURITY, UPDATE, FETCH],
    ],
)
def test_right_places_are_silent(middleware):
    assert found(MIDDLEWARE=middleware) == {}


@pytest.mark.parametrize(
    ("middleware", "message_id", "part"),
    [
        ([SESSION], "dumper_purge.W008", "no page is cached"),
        (["dumper.middleware.Old"], "dumper_purge.W008", "'dumper.middleware.Old' is none"),
        ([CACHE, CACHE], "dumper_purge.E009", f"{CACHE}, {CACHE}"),
        ([CACHE, UPDATE, FETCH], "dumper_purge.E009", f"{CACHE}, {UPDATE}, {FETCH}"),
        ([UPDATE, SESSION], "dumper_purge.E009", UPDATE),
        ([FETCH], "dumper_purge.E009", FETCH),
        ([SESSION, CACHE], "dumper_purge.W010", f"'{SESSION}' stands before '{CACHE}'"),
        ([SESSION, UPDATE, FETCH], "dumper_purge.W010", f"'{SESSION}' stands before '{UPDATE}'"),
        ([FETCH, UPDATE], "dumper_purge.E011", f"'{FETCH}' stands before '{UPDATE}'"),
        ([CACHE, LOCALE], "dumper_purge.W013", "language cookie"),
    ],
)
def test_a_misconfiguration_is_found(middleware, message_id, part):
    message = found(MIDDLEWARE=middleware)[message_id]

    assert part in message.msg
    assert message.hint


@pytest.mark.parametrize("name", ["dumper.middleware.Old", "dumper_purge.middleware.Old"])
def test_where_ours_is_missing_only_names_that_look_like_it_are_said_to_be_none(name):
    message = found(MIDDLEWARE=[SESSION, name])["dumper_purge.W008"]

    assert message.msg.endswith(f"no page is cached. '{name}' is none.")


@pytest.mark.parametrize(
    "name", ["CacheMiddleware", "FetchFromCacheMiddleware", "UpdateCacheMiddleware"]
)
def test_django_s_own_is_an_error_beside_ours(name):
    messages = found(MIDDLEWARE=[CACHE, f"django.middleware.cache.{name}"])

    assert set(messages) == {"dumper_purge.E012"}
    assert f"'django.middleware.cache.{name}'" in messages["dumper_purge.E012"].msg
    assert "Remove it" in messages["dumper_purge.E012"].hint


def test_the_language_cookie_may_be_declared():
    messages = found(MIDDLEWARE=[CACHE, LOCALE], DUMPER_BYPASS_COOKIES=["django_language"])

    assert messages == {}


def test_a_wrong_setting_is_told_by_its_own_check_alone():
    messages = found(MIDDLEWARE=[CACHE, LOCALE], DUMPER_TTL="long")

    assert set(messages) == {"dumper_purge.E001"}
