"""System checks: every misconfiguration has an id, names the value and gives the remedy."""

import pytest
from django.core.checks import run_checks
from django.test import override_settings

import dumper_purge as dumper
from tests.faults.models import Page

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
CACHE = "dumper_purge.middleware.CacheMiddleware"
UPDATE = "dumper_purge.middleware.UpdateCacheMiddleware"
FETCH = "dumper_purge.middleware.FetchFromCacheMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
LARGE = {"default": {"BACKEND": LOCMEM, "OPTIONS": {"MAX_ENTRIES": 10_000}}}


def found(**changes):
    with override_settings(**{"CACHES": LARGE, "MIDDLEWARE": [CACHE], **changes}):
        return {message.id: message for message in run_checks(tags=["dumper_purge"])}


def test_a_right_configuration_is_silent():
    assert found() == {}


def test_each_message_has_a_hint():
    messages = found(CACHES={"default": {"BACKEND": LOCMEM}}, MIDDLEWARE=[], DUMPER_TLL=3)
    assert set(messages) == {"dumper_purge.W003", "dumper_purge.W007", "dumper_purge.W008"}
    assert all(message.hint for message in messages.values())


@pytest.mark.parametrize(
    ("changes", "message_id", "part"),
    [
        ({"DUMPER_TTL": "long"}, "dumper_purge.E001", "DUMPER_TTL = 'long'"),
        ({"DUMPER_PATH_IGNORE_REGEX": "("}, "dumper_purge.E001", "no regular expression"),
        ({"DUMPER_BACKENDS": {"edge": {"BACKEND": "no.Such"}}}, "dumper_purge.E002", "edge"),
        (
            {
                "DUMPER_BACKENDS": {
                    "edge": {
                        "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
                        "LOCATION": "http://127.0.0.1:6081",
                        "HOSTS": ["example.com"],
                        "OPTIONS": {"token": "s3cret", "colour": "red"},
                    }
                }
            },
            "dumper_purge.E002",
            "colour",
        ),
        ({"DUMPER_TLL": 3}, "dumper_purge.W003", "DUMPER_TLL"),
        ({"DUMPER_CACHE_ALIAS": "nowhere"}, "dumper_purge.E005", "'nowhere'"),
        ({"DUMPER_SINGLE_PROCESS": False}, "dumper_purge.W006", "belongs to one process"),
        ({"CACHES": {"default": {"BACKEND": LOCMEM}}}, "dumper_purge.W007", "300"),
        ({"MIDDLEWARE": [SESSION]}, "dumper_purge.W008", "no page is cached"),
        ({"MIDDLEWARE": ["dumper.middleware.Old"]}, "dumper_purge.W008", "dumper.middleware.Old"),
        ({"MIDDLEWARE": [CACHE, CACHE]}, "dumper_purge.E009", f"{CACHE}, {CACHE}"),
        ({"MIDDLEWARE": [CACHE, UPDATE, FETCH]}, "dumper_purge.E009", UPDATE),
        ({"MIDDLEWARE": [UPDATE, SESSION]}, "dumper_purge.E009", UPDATE),
        ({"MIDDLEWARE": [SESSION, CACHE]}, "dumper_purge.W010", SESSION),
        ({"MIDDLEWARE": [FETCH, UPDATE]}, "dumper_purge.E011", "stands before"),
        (
            {"MIDDLEWARE": [CACHE, "django.middleware.cache.UpdateCacheMiddleware"]},
            "dumper_purge.E012",
            "never purged",
        ),
        (
            {"MIDDLEWARE": [CACHE, "django.middleware.locale.LocaleMiddleware"]},
            "dumper_purge.W013",
            "language cookie",
        ),
    ],
)
def test_a_misconfiguration_is_found(changes, message_id, part):
    messages = found(**changes)
    assert message_id in messages
    assert part in messages[message_id].msg
    assert "s3cret" not in repr(messages)


def test_the_language_cookie_may_be_declared():
    locale = "django.middleware.locale.LocaleMiddleware"
    assert found(MIDDLEWARE=[CACHE, locale], DUMPER_BYPASS_COOKIES=["django_language"]) == {}


def test_security_middleware_may_stand_outside():
    assert found(MIDDLEWARE=["django.middleware.security.SecurityMiddleware", CACHE]) == {}


def test_the_switch_off_silences_the_cache():
    assert found(DUMPER_ENABLED=False, DUMPER_CACHE_ALIAS="nowhere") == {}


def test_a_registration_with_an_unknown_field_is_found(monkeypatch):
    with monkeypatch.context() as loading:
        loading.setattr("django.apps.apps.models_ready", False)
        dumper.register(Page, fields=["colour"])
    try:
        assert "['colour']" in found()["dumper_purge.E004"].msg
    finally:
        dumper.register(Page)


@pytest.mark.parametrize(
    ("debug", "part"), [(False, "so nothing is stored"), (True, "accepted while DEBUG is on")]
)
def test_a_cache_of_one_process_is_found_unless_that_was_said(settings, debug, part):
    del settings.DUMPER_SINGLE_PROCESS
    assert part in found(DEBUG=debug)["dumper_purge.W006"].msg
