"""What the README of django-dumper 0.2.7 documents works as it says, in its old places."""

import logging

import pytest
from django.core.cache import caches

from tests.faults import urls
from tests.faults.models import IceCream, Size


@pytest.fixture(autouse=True)
def ancestor(settings):
    settings.MIDDLEWARE = [
        "dumper_purge.middleware.UpdateCacheMiddleware",
        "django.middleware.common.CommonMiddleware",
        "dumper_purge.middleware.FetchFromCacheMiddleware",
    ]


def seen(client, path):
    return client.get(path).content.decode()


def test_an_ice_cream_that_is_saved_has_its_path_purged(client):
    vanilla = IceCream.objects.create(slug="vanilla")
    assert seen(client, "/vanilla") == seen(client, "/vanilla") == "vanilla: "
    assert urls.renders == ["/vanilla"]
    vanilla.save()
    seen(client, "/vanilla")
    assert urls.renders == ["/vanilla", "/vanilla"]


def test_a_size_that_is_modified_has_the_paths_of_its_ice_creams_purged(client):
    vanilla = IceCream.objects.create(slug="vanilla")
    cup = Size.objects.create(slug="cup")
    vanilla.sizes.add(cup)
    assert seen(client, "/vanilla") == "vanilla: cup"
    cup.slug = "tub"
    cup.save()
    assert seen(client, "/vanilla") == "vanilla: tub"
    cup.delete()
    assert seen(client, "/vanilla") == "vanilla: "


def test_ignored_paths_are_neither_stored_nor_served_from_what_was_stored(client, settings):
    IceCream.objects.create(slug="vanilla")
    seen(client, "/vanilla")
    settings.DUMPER_PATH_IGNORE_REGEX = r"^/(?:(?:admin)|(?:vanilla))"
    seen(client, "/vanilla")
    seen(client, "/vanilla")
    assert urls.renders == ["/vanilla"] * 3


def test_its_alias_and_key_prefix_are_used(client, settings):
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {
        "default": {"BACKEND": backend, "LOCATION": "default"},
        "pages": {"BACKEND": backend, "LOCATION": "pages"},
    }
    settings.DUMPER_CACHE_ALIAS = "pages"
    settings.DUMPER_KEY_PREFIX = "parlour."

    IceCream.objects.create(slug="vanilla")
    seen(client, "/vanilla")
    assert not caches["default"]._cache
    assert caches["pages"]._cache
    assert all(key.startswith(":1:parlour.") for key in caches["pages"]._cache)


def test_its_loggers_are_still_children_of_dumper(client, caplog):
    IceCream.objects.create(slug="vanilla")
    with caplog.at_level(logging.DEBUG, logger="dumper"):
        seen(client, "/vanilla")
    assert [record.name for record in caplog.records] == ["dumper.respond"]
