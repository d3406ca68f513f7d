"""The cache that DUMPER_CACHE_ALIAS names: E005, W006 and W007."""

import pytest

from tests.checks.site import LOCMEM, found

DUMMY = "django.core.cache.backends.dummy.DummyCache"
FILE = "django.core.cache.backends.filebased.FileBasedCache"
DATABASE = "django.core.cache.backends.db.DatabaseCache"
REDIS = "django.core.cache.backends.redis.RedisCache"


def of_cache(backend, **options):
    return found(CACHES={"default": {"BACKEND": backend, **options}})


@pytest.mark.parametrize("tag", ["dumper_purge", "caches"])
def test_a_cache_that_is_not_there_is_an_error_that_names_those_that_are(tag):
    message = found(tag, DUMPER_CACHE_ALIAS="nowhere")["dumper_purge.E005"]

    assert "DUMPER_CACHE_ALIAS = 'nowhere' is no alias" in message.msg
    assert "Use one of default" in message.hint


def test_the_switch_off_silences_the_cache():
    assert found(DUMPER_ENABLED=False, DUMPER_CACHE_ALIAS="nowhere") == {}


@pytest.mark.parametrize(
    ("debug", "part"), [(False, "so nothing is stored"), (True, "accepted while DEBUG is on")]
)
def test_a_cache_of_one_process_is_a_warning_unless_that_was_said(settings, debug, part):
    del settings.DUMPER_SINGLE_PROCESS

    message = found(DEBUG=debug)["dumper_purge.W006"]

    assert part in message.msg
    assert "DUMPER_SINGLE_PROCESS = True" in message.hint


@pytest.mark.parametrize("backend", [LOCMEM, DUMMY])
def test_a_cache_of_one_process_is_a_warning_where_there_are_several(settings, backend):
    settings.DUMPER_SINGLE_PROCESS = False

    message = of_cache(backend)["dumper_purge.W006"]

    assert f"'default' ({backend}) belongs to one process" in message.msg


@pytest.mark.parametrize("backend", [FILE, DATABASE, REDIS])
def test_a_cache_that_processes_share_is_silent(settings, backend):
    settings.DUMPER_SINGLE_PROCESS = False

    assert of_cache(backend, LOCATION="cache", OPTIONS={"MAX_ENTRIES": 10_000}) == {}


@pytest.mark.parametrize("backend", [LOCMEM, FILE, DATABASE])
def test_a_cache_that_keeps_as_few_entries_as_django_has_it_is_a_warning(backend):
    message = of_cache(backend, LOCATION="cache")["dumper_purge.W007"]

    assert "keeps at most 300 entries" in message.msg
    assert "'OPTIONS': {'MAX_ENTRIES': 10000}" in message.hint


@pytest.mark.parametrize(
    "options", [{"MAX_ENTRIES": 9_999}, {"OPTIONS": {"MAX_ENTRIES": "9999"}}], ids=["old", "new"]
)
def test_one_entry_too_few_is_a_warning_wherever_the_number_stands(options):
    assert "at most 9999 entries" in of_cache(LOCMEM, **options)["dumper_purge.W007"].msg


def test_enough_entries_are_silent_where_django_once_had_the_number():
    assert of_cache(LOCMEM, MAX_ENTRIES=10_000) == {}


def test_a_cache_with_a_limit_of_its_own_is_not_asked_for_entries():
    assert of_cache(REDIS, LOCATION="redis://127.0.0.1:6379") == {}
