"""The fence: what it records, what it refuses, and what happens when the cache is in trouble."""

import pytest
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.locmem import LocMemCache

import dumper_purge as dumper
from dumper_purge import paths
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Transient
from dumper_purge.respond import fence, shared_cache, tokens, trouble
from dumper_purge.respond.fence import Purged, Ticket
from dumper_purge.respond.generations import ANY
from dumper_purge.respond.layers import current_layers
from dumper_purge.respond.shared_cache import Key

pytestmark = pytest.mark.django_db(databases=["default", "other"])


class Failing(LocMemCache):
    """A cache that fails where a test says so."""

    fails = frozenset()

    def _check(self, operation):
        if operation in self.fails:
            raise OSError(operation)

    def get_many(self, *args, **kwargs):
        self._check("get_many")
        return super().get_many(*args, **kwargs)

    def set(self, *args, **kwargs):
        self._check("set")
        return super().set(*args, **kwargs)

    def add(self, *args, **kwargs):
        self._check("add")
        return super().add(*args, **kwargs)

    def set_many(self, data, *args, **kwargs):
        self._check("set_many")
        return super().set_many(data, *args, **kwargs)

    def delete_many(self, *args, **kwargs):
        self._check("delete_many")
        return super().delete_many(*args, **kwargs)


@pytest.fixture
def failing(settings):
    """Use a cache that fails, and return its class."""
    settings.CACHES = {"default": {"BACKEND": "tests.respond.test_fence.Failing"}}
    trouble._quiet_until = 0.0
    fence._retry_at = 0.0
    yield Failing
    Failing.fails = frozenset()


def test_the_first_write_is_any_and_no_token_comes_again(failing, monkeypatch):
    written = []
    monkeypatch.setattr(failing, "set_many", lambda self, data, timeout: written.append(data) or [])
    fence.record(PurgeBatch.of(["/page/"], tags=["sponsors"]))
    fence.record(PurgeBatch.of(["/page/"]))

    prefix = "dumper.cached_path.g."
    assert [set(data) for data in written] == [
        {f"{prefix}{ANY}"},
        {prefix + tag for tag in (paths.path_tag("/page/"), "sponsors", "b-60")},
        {f"{prefix}{ANY}"},
        {prefix + paths.path_tag("/page/")},
    ]
    values = [frozenset(data.values()) for data in written]
    assert len(frozenset().union(*values)) == 4


def test_an_empty_batch_records_nothing(monkeypatch):
    monkeypatch.setattr(fence, "current_layers", None)

    fence.record(PurgeBatch())


def test_a_long_tag_has_a_key_that_memcached_takes():
    tag = "x" * 200
    fence.record(PurgeBatch.of(tags=[tag]))

    assert all(len(key) < 120 for key in caches["default"]._cache)
    assert dumper.generation(tag) == dumper.generation(tag)


def ticket(*tags):
    generations = current_layers().generations
    any_token = generations.read((ANY,))[ANY]
    return Ticket(generations, generations.read(tags), any_token)


def test_a_token_read_before_the_data_needs_no_check():
    begun = ticket("early")
    before = current_layers().generations.peek(["early"])
    fence.record(PurgeBatch.of(tags=["early"]))

    assert begun.tokens(["early"]) == before
    with pytest.raises(Purged):
        begun.recheck(before)


def test_a_late_tag_is_refused_if_anything_was_purged_meanwhile():
    begun = ticket("early")
    fence.record(PurgeBatch.of(["/other/"]))

    with pytest.raises(Purged):
        begun.tokens(["early", "late"])


def test_a_late_tag_is_fine_if_nothing_was_purged():
    begun = ticket("early")
    held = begun.tokens(["early", "late"])

    assert held == current_layers().generations.peek(["early", "late"])
    begun.recheck(held)


def test_a_late_tag_is_refused_if_any_was_evicted():
    begun = ticket()
    caches["default"].delete(current_layers().generations.any_key.plain)

    with pytest.raises(Purged):
        begun.tokens(["late"])


def test_a_token_that_cannot_be_kept_is_unknown(monkeypatch):
    begun = ticket()
    monkeypatch.setattr(LocMemCache, "add", lambda self, *args, **kwargs: False)

    with pytest.raises(Purged, match="the generation of late was lost"):
        begun.tokens(["late"])


def test_a_token_that_was_evicted_is_unknown():
    begun = ticket("early")
    held = begun.tokens(["early"])
    caches["default"].delete(current_layers().generations.key("early").plain)

    with pytest.raises(Purged):
        begun.recheck(held)


def test_a_missing_token_is_old_only_if_nothing_was_purged_lately(monkeypatch):
    generations = current_layers().generations
    fence.record(PurgeBatch.of(["/other/"]))
    recent = generations.read(["a"])["a"]
    assert tokens.newest([recent]) > 0
    import time

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8)

    assert tokens.newest([generations.read(["b"])["b"]]) == 0.0


def test_what_is_no_token_counts_as_just_purged():
    assert tokens.newest(["garbage"]) == float("inf")
    assert tokens.newest([tokens.old(), tokens.old()]) == 0.0


def test_a_read_that_fails_serves_the_page_and_stores_nothing(client, rendered, failing, caplog):
    client.get("/page/")
    failing.fails = {"get_many"}
    for _ in range(2):
        response = client.get("/page/")
        assert response.content == b"one"
        assert response["Cache-Control"] == "max-age=0, must-revalidate"
    assert len(rendered) == 3
    assert caplog.text.count("The cache 'default' (DUMPER_CACHE_ALIAS) failed") == 1


@pytest.mark.parametrize("operation", ["set", "add", "get_many"])
def test_a_cache_that_fails_at_any_moment_never_breaks_a_page(
    client, rendered, failing, site, operation
):
    def during(request):
        dumper.tag("late")
        failing.fails = {operation}

    site.during = staticmethod(during)
    assert client.get("/page/").content == b"one"
    failing.fails = {operation}

    assert client.get("/news/").content == b"one"


def test_a_check_that_fails_before_sending_leaves_edges_seconds(
    client, failing, settings, monkeypatch
):
    from tests.respond.test_edges import behind

    def fail(self, held):
        raise OSError

    behind(settings, "Shield")
    monkeypatch.setattr(Ticket, "recheck", fail)

    assert client.get("/page/")["Surrogate-Control"] == "max-age=5"


def test_while_the_cache_is_down_edges_keep_pages_for_seconds(client, failing, settings):
    from tests.respond.test_edges import behind

    behind(settings, "Shield")
    failing.fails = {"get_many"}

    assert client.get("/page/")["Surrogate-Control"] == "max-age=5"


def test_a_record_that_fails_is_an_error_and_this_process_trusts_no_page(client, rendered, failing):
    client.get("/page/")
    failing.fails = {"set", "set_many", "delete_many"}
    with pytest.raises(Transient, match="could not be recorded"):
        fence.record(PurgeBatch.of(["/page/"]))
    assert not fence.trusted()
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"
    failing.fails = frozenset()
    fence.record(PurgeBatch.of(["/other/"]))
    assert fence.trusted()

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    assert len(rendered) == 4


def test_a_cache_that_only_deletes_records_by_deleting_any_first(
    client, failing, caplog, monkeypatch
):
    client.get("/page/")
    deleted = []
    delete_many = failing.delete_many

    def noted(self, keys):
        deleted.append(list(keys))
        return delete_many(self, keys)

    monkeypatch.setattr(failing, "delete_many", noted)
    failing.fails = {"set", "set_many"}
    fence.record(PurgeBatch.of(["/page/"]))
    failing.fails = frozenset()

    assert fence.trusted()
    assert deleted[0] == [current_layers().generations.any_key.plain]
    assert deleted[1] == [current_layers().generations.key(paths.path_tag("/page/")).plain]
    assert "The cache 'default' (DUMPER_CACHE_ALIAS) took no new generations" in caplog.text
    assert "maxmemory-policy to allkeys-lru" in caplog.text
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_no_tag_is_deleted_before_any_is_gone(failing, monkeypatch):
    deleted = []

    def refuse(self, keys):
        deleted.append(list(keys))
        raise OSError("down")

    monkeypatch.setattr(failing, "delete_many", refuse)
    failing.fails = {"set_many"}
    with pytest.raises(Transient, match="set_many"):
        fence.record(PurgeBatch.of(["/page/"]))

    assert deleted == [[current_layers().generations.any_key.plain]]
    assert not fence.trusted()


def test_what_was_not_recorded_is_tried_again_by_itself(client, failing):
    client.get("/page/")
    failing.fails = {"set_many", "delete_many"}
    with pytest.raises(Transient):
        fence.record(PurgeBatch.of(["/page/"]))
    failing.fails = frozenset()
    fence._retry_at = 0.0

    assert fence.trusted()
    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_failure_during_a_successful_record_is_not_forgotten(failing, monkeypatch):
    generations = type(current_layers().generations)
    bump = generations.bump

    def interrupted(self, tags):
        bump(self, tags)
        fence.distrust(PurgeBatch.of(tags=["sponsors"]))

    fence.distrust(PurgeBatch.of(tags=["sponsors"]))
    monkeypatch.setattr(generations, "bump", interrupted)
    fence.record(PurgeBatch.of(tags=["sponsors"]))
    assert not fence.trusted()
    monkeypatch.setattr(generations, "bump", bump)
    fence.record(PurgeBatch.of(["/other/"]))

    assert fence.trusted()


def test_what_still_cannot_be_recorded_is_said_and_tried_again_later(failing, caplog):
    failing.fails = {"set_many", "delete_many"}
    fence.distrust(PurgeBatch.of(["/page/"]))
    fence._retry_at = 0.0
    assert not fence.trusted()
    assert "1 purged tags are still not recorded" in caplog.text
    failing.fails = frozenset()

    assert not fence.trusted()
    fence._retry_at = 0.0
    assert fence.trusted()


def test_very_many_failures_become_everything():
    fence.distrust(PurgeBatch(tags=frozenset(f"n{number}" for number in range(10_001))))

    assert list(fence._unrecorded) == [paths.EVERYTHING]
    fence.distrust()
    fence.record(PurgeBatch.of(["/other/"]))
    assert fence.trusted()


def test_keys_that_set_many_names_as_failed_are_a_failure(failing, monkeypatch):
    monkeypatch.setattr(failing, "set_many", lambda self, data, timeout: list(data))
    monkeypatch.setattr(shared_cache, "reports_failures", lambda cache: True)

    with pytest.raises(Transient, match="did not store 1 generations"):
        fence.record(PurgeBatch.of(["/page/"]))


class Silent(Failing):
    """A cache that loses writes and says nothing."""

    def set_many(self, data, *args, **kwargs):
        return []


def test_a_cache_that_may_fail_silently_is_read_back(settings, monkeypatch):
    settings.CACHES = {"default": {"BACKEND": "tests.respond.test_fence.Silent"}}
    monkeypatch.setattr(shared_cache, "reports_failures", lambda cache: False)

    with pytest.raises(Transient, match="did not store 1 generations"):
        fence.record(PurgeBatch.of(["/page/"]))
    assert not fence.trusted()


def test_a_write_that_is_tried_again_never_repeats_its_token(settings, monkeypatch):
    """Between the two tries somebody may have read the token, and somebody else replaced it."""
    settings.CACHES = {"default": {"BACKEND": "tests.respond.test_fence.Failing"}}
    monkeypatch.setattr(shared_cache, "reports_failures", lambda cache: False)
    written = []

    def overtaken(self, data, timeout):
        written.extend(data.values())
        LocMemCache.set_many(self, {key: f"{len(written)}.another" for key in data}, timeout)
        return []

    monkeypatch.setattr(Failing, "set_many", overtaken)
    with pytest.raises(Transient):
        fence.record(PurgeBatch.of(["/page/"]))

    assert len(written) == len(set(written)) == 3


def test_a_generation_that_cannot_be_read_never_repeats(failing):
    failing.fails = {"get_many"}

    assert dumper.generation("sponsors") != dumper.generation("sponsors")


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_a_cache_that_is_not_shared_stores_nothing(client, rendered, settings, caplog, backend):
    from tests.respond.test_edges import behind

    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    settings.DUMPER_SINGLE_PROCESS = False
    trouble._warned.clear()
    behind(settings, "Shield")
    for _ in range(2):
        assert client.get("/page/")["Surrogate-Control"] == "max-age=5"

    assert len(rendered) == 2
    assert caplog.text.count("belongs to one process") == 1
    assert "DUMPER_SINGLE_PROCESS" in caplog.text
    assert dumper.generation("a") != dumper.generation("a")


def test_the_dummy_cache_never_carries_the_fence(client, rendered, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.DUMPER_SINGLE_PROCESS = True
    client.get("/page/")
    client.get("/page/")

    assert len(rendered) == 2


def test_nothing_needs_recording_in_the_dummy_cache(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    fence.record(PurgeBatch.of(["/page/"]))

    assert fence.trusted()


class Router:
    """Reads the cache's table from another database than it is written to."""

    def db_for_read(self, model, **hints):
        return "other" if model._meta.app_label == "django_cache" else None

    def db_for_write(self, model, **hints):
        return "default" if model._meta.app_label == "django_cache" else None

    def allow_migrate(self, *args, **hints):
        return True


@pytest.fixture
def database_cache(settings):
    """Keep the cache in a table of the default database."""
    from django.core.management import call_command

    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "pages",
        }
    }
    call_command("createcachetable", verbosity=0)
    return caches["default"]


def test_the_database_cache_is_read_where_it_is_written(settings, database_cache):
    settings.DATABASE_ROUTERS = ["tests.respond.test_fence.Router"]
    made = database_cache.make_key
    database_cache.set("a", "1", None)

    assert isinstance(database_cache, DatabaseCache)
    keys = [Key("a", made("a")), Key("b", made("b"))]
    assert shared_cache.read(database_cache, keys) == ["1", None]


def test_pages_are_stored_in_the_database(client, rendered, database_cache, purge):
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_purge_that_the_database_cache_swallowed_is_a_failure(database_cache, monkeypatch):
    monkeypatch.setattr(DatabaseCache, "_base_set", lambda *args, **kwargs: False)

    with pytest.raises(Transient):
        fence.record(PurgeBatch.of(["/page/"]))


def test_pages_are_stored_in_files(client, rendered, settings, tmp_path, purge):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(tmp_path),
        }
    }
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"
