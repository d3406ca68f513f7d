"""A page that is the same for everyone is rendered once."""

import time

import pytest
from django.core.cache import caches

pytestmark = pytest.mark.django_db


def test_the_second_request_is_a_hit(client, rendered):
    first = client.get("/page/")
    second = client.get("/page/")

    assert rendered == ["/page/"]
    assert first.content == second.content == b"one"
    assert first["Cache-Status"] == "dumper; fwd=miss"
    assert second["Cache-Status"] == "dumper; hit"
    assert second["Content-Type"] == "text/html; charset=utf-8"
    assert second["ETag"] == first["ETag"]


def test_browsers_revalidate_and_no_edge_is_told_anything(client):
    response = client.get("/page/")

    assert response["Cache-Control"] == "max-age=0, must-revalidate"
    assert {name.lower() for name in response.headers} == {
        "content-type", "content-length", "etag", "cache-control", "cache-status",
    }  # fmt: skip


def test_a_purge_of_the_path_makes_the_next_request_a_miss(client, rendered, site, purge):
    client.get("/page/")
    site.text = "two"
    assert client.get("/page/").content == b"one"
    purge("/page/")

    assert client.get("/page/").content == b"two"
    assert client.get("/page/").content == b"two"
    assert rendered == ["/page/", "/page/"]


def test_a_purge_of_another_path_purges_nothing_else(client, rendered, purge):
    client.get("/page/")
    purge("/news/")
    client.get("/page/")

    assert rendered == ["/page/"]


@pytest.mark.parametrize("prefix", ["/news/", "/", "/new"])
def test_a_purge_of_a_prefix_purges_what_lies_under_it(client, rendered, prefix):
    from dumper_purge.batch import Prefix, PurgeBatch
    from dumper_purge.respond import fence

    client.get("/news/5/")
    fence.record(PurgeBatch.of([Prefix(prefix)]))
    client.get("/news/5/")

    assert rendered == ["/news/5/", "/news/5/"]


def test_hits_tell_their_age(client, monkeypatch):
    client.get("/page/")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90)

    assert client.get("/page/")["Age"] == "90"


def test_a_page_never_expires_by_a_default_timeout(client, rendered, settings, monkeypatch):
    settings.CACHES = {"default": {**settings.CACHES["default"], "TIMEOUT": 1}}
    client.get("/page/")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10_000_000)
    client.get("/page/")

    assert rendered == ["/page/"]


def test_what_is_stored_are_built_in_types_only(client):
    client.get("/page/")
    client.get("/vary/")
    import pickle
    import pickletools

    for packed in caches["default"]._cache.values():
        names = [code.name for code, _, _ in pickletools.genops(packed)]
        assert not {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ"} & set(names)
        assert type(pickle.loads(packed)) in {str, tuple, list}


def test_a_hit_is_never_written_back(client, purge, monkeypatch):
    client.get("/page/")
    written = []
    monkeypatch.setattr(type(caches["default"]), "set", lambda *args, **kw: written.append(args))
    client.get("/page/")

    assert written == []


def test_another_release_does_not_serve_the_pages_of_the_one_before(client, rendered, settings):
    settings.DUMPER_VERSION = "1"
    client.get("/page/")
    settings.DUMPER_VERSION = "2"
    client.get("/page/")

    assert rendered == ["/page/", "/page/"]


def test_a_purge_by_one_release_reaches_the_pages_of_another(client, rendered, settings, purge):
    settings.DUMPER_VERSION = "1"
    client.get("/page/")
    settings.DUMPER_VERSION = "2"
    purge("/page/")
    settings.DUMPER_VERSION = "1"
    client.get("/page/")

    assert rendered == ["/page/", "/page/"]


def test_an_unreadable_stored_page_is_a_miss(client, rendered):
    client.get("/page/")
    key = "dumper.cached_path.p1.|http://testserver/page/?"
    assert caches["default"].get(key) is not None
    caches["default"].set(key, ("of", "another", "form"), None)

    assert client.get("/page/").content == b"one"
    assert rendered == ["/page/", "/page/"]


@pytest.mark.parametrize("evicted", ["everything", "path", "folder"])
def test_a_missing_generation_is_a_miss(client, rendered, evicted):
    from dumper_purge import paths

    client.get("/news/5/")
    tag = {
        "everything": paths.EVERYTHING,
        "path": paths.path_tag("/news/5/"),
        "folder": paths.prefix_tags("/news/5/")[0],
    }[evicted]
    assert caches["default"].delete(f"dumper.cached_path.g.{tag}")
    client.get("/news/5/")
    client.get("/news/5/")

    assert rendered == ["/news/5/", "/news/5/"]


def test_with_no_backend_that_stores_nothing_is_stored(client, rendered, settings):
    settings.DUMPER_BACKENDS = {"log": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"}}
    client.get("/page/")
    response = client.get("/page/")

    assert rendered == ["/page/", "/page/"]
    assert response["Cache-Control"] == "max-age=0, must-revalidate"


def test_the_kill_switch_lets_everything_through(client, rendered, settings):
    client.get("/page/")
    settings.DUMPER_ENABLED = False
    response = client.get("/page/")

    assert rendered == ["/page/", "/page/"]
    assert "Cache-Status" not in response
    assert "Cache-Control" not in response
