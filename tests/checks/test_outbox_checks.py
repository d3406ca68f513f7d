"""System checks of the outbox, its engine, and the names that it keeps."""

from unittest import mock

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from dumper_purge import checks
from dumper_purge.checks import check_outbox
from dumper_purge.deliver.outbox import databases
from tests.deliver.stage import tier

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
TASKS = "dumper_purge.contrib.tasks.hand_over"
SITE = {
    "CACHES": {"default": {"BACKEND": LOCMEM, "OPTIONS": {"MAX_ENTRIES": 10_000}}},
    "MIDDLEWARE": ["dumper_purge.middleware.CacheMiddleware"],
}


def found(**changes):
    with override_settings(**SITE, **changes):
        return {message.id: message for message in run_checks(tags=["dumper_purge"])}


def of_databases(*names, **changes):
    """Return what the check says that runs with ``migrate`` and ``check --database``."""
    with override_settings(**changes):
        messages = run_checks(tags=["database"], databases=names)
    return [message for message in messages if message.id.startswith("dumper_purge.")]


@pytest.fixture
def without_table(monkeypatch):
    """Let one database have no table of the outbox."""
    has_table = databases.has_table
    monkeypatch.setattr(checks, "has_table", lambda using: using != "other" and has_table(using))


# E001


WRONG = {
    "OUTBOX": ("yes", 1, 0, None, []),
    "ENGINE": ("", "celery", "Inline", "a..b", ".a", "a b.c", 1, None, b"inline", "inline\n"),
    "SWEEP_INTERVAL": (-1, "15", None, True, float("nan"), float("inf"), 1e10),
    "BATCH_LIMIT": (0, -1, 1.5, "1", None, True),
    "BACKLOG_LIMIT": (0, -1, 1.5, "1", None, True),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_names_setting_and_value(name, value):
    message = found(**{f"DUMPER_{name}": value})["dumper_purge.E001"]

    assert f"DUMPER_{name} = {value!r}" in message.msg
    assert message.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"DUMPER_OUTBOX": False},
        {"DUMPER_ENGINE": "worker"},
        {"DUMPER_ENGINE": "tests.deliver.stage.failing"},
        {"DUMPER_SWEEP_INTERVAL": 0},
        {"DUMPER_SWEEP_INTERVAL": 0.5},
        {"DUMPER_BATCH_LIMIT": 1},
        {"DUMPER_BACKLOG_LIMIT": 1},
    ],
)
def test_right_values_are_silent(changes):
    assert found(**changes) == {}


# E002


@pytest.mark.parametrize("alias", ["fence", "", "e" * 101])
def test_an_alias_that_the_outbox_cannot_keep_is_an_error(alias):
    message = found(DUMPER_BACKENDS={alias: tier("a")})["dumper_purge.E002"]

    assert f"DUMPER_BACKENDS[{alias!r}]" in message.msg
    assert "1 to 100 characters" in message.msg


def test_a_node_that_the_outbox_cannot_keep_is_an_error():
    message = found(DUMPER_BACKENDS={"edge": tier("a", "n" * 256)})["dumper_purge.E002"]

    assert "DUMPER_BACKENDS['edge']['LOCATION'] has a node of more than 255" in message.msg


def test_the_longest_names_are_silent():
    messages = found(DUMPER_BACKENDS={"e" * 100: tier("n" * 255), "fences": tier("a")})

    assert "dumper_purge.E002" not in messages


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": -1}, {"burst": 0, "rate": 1}])
def test_a_rate_that_lets_nothing_through_is_an_error(options):
    messages = found(DUMPER_BACKENDS={"edge": tier("a", **options)})

    assert "dumper_purge.E002" in messages


# W014


@pytest.mark.django_db(databases=["default", "other"])
def test_migrated_databases_are_silent():
    assert of_databases("default", "other") == []


@pytest.mark.django_db(databases=["default", "other"])
def test_a_database_without_the_table_is_a_warning_that_names_it(without_table):
    (message,) = of_databases("default", "other")

    assert message.id == "dumper_purge.W014"
    assert "Database 'other' has no table of dumper_purge" in message.msg
    assert "manage.py migrate --database other" in message.hint
    assert "DUMPER_OUTBOX = False" in message.hint


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("switch", ["DUMPER_OUTBOX", "DUMPER_ENABLED"])
def test_where_there_is_no_outbox_its_table_is_not_missed(without_table, switch):
    assert of_databases("other", **{switch: False}) == []


@pytest.mark.django_db(databases=["default", "other"])
def test_a_database_that_was_not_asked_for_is_not_looked_at(without_table):
    assert of_databases("default") == []
    assert check_outbox() == []


class Elsewhere:
    """Keeps the tables of the package from a database."""

    def allow_migrate(self, db, app_label, **hints):
        return not (db == "other" and app_label == "dumper_purge")


@pytest.mark.django_db(databases=["default", "other"])
def test_a_database_that_is_not_to_have_the_table_is_silent(without_table):
    assert of_databases("other", DATABASE_ROUTERS=[Elsewhere()]) == []


@pytest.mark.django_db(databases=["default", "other"])
def test_a_database_that_was_never_migrated_is_silent(without_table, monkeypatch):
    monkeypatch.setattr("dumper_purge.checks.MigrationRecorder.has_table", lambda self: False)

    assert of_databases("other") == []


@pytest.mark.django_db(databases=["default", "other"])
def test_a_replica_is_silent(monkeypatch):
    """It has the table of its primary, and nothing is migrated there."""
    monkeypatch.setitem(connections["other"].settings_dict["TEST"], "MIRROR", "default")

    assert of_databases("other") == []


def test_a_wrong_setting_is_told_by_its_own_check_alone():
    assert of_databases("default", DUMPER_OUTBOX="yes") == []


# E015 and W016


@pytest.mark.parametrize("name", ["no.such.engine", "tests.deliver.stage.missing"])
def test_an_engine_that_cannot_be_imported_is_an_error(name):
    message = found(DUMPER_ENGINE=name)["dumper_purge.E015"]

    assert f"DUMPER_ENGINE = '{name}' cannot be imported" in message.msg
    assert "'inline', 'worker'" in message.hint


def test_an_engine_that_cannot_be_called_is_an_error():
    assert "dumper_purge.E015" in found(DUMPER_ENGINE="tests.deliver.stage.stage")


@pytest.fixture
def importable(monkeypatch):
    """Let the engine of Django Tasks be importable, whatever is installed."""
    monkeypatch.setattr("dumper_purge.checks.import_string", lambda name: print)


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("package", ["django.tasks", "django_tasks"])
@pytest.mark.parametrize("name", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_tasks_that_no_worker_takes_are_a_warning(package, name):
    backend = f"{package}.backends.{name}"
    message = found(DUMPER_ENGINE=TASKS, TASKS={"default": {"BACKEND": backend}})[
        "dumper_purge.W016"
    ]

    assert backend in message.msg
    assert "TASKS['default']" in message.hint


@pytest.mark.usefixtures("importable")
def test_tasks_without_a_setting_have_no_worker():
    assert "dumper_purge.W016" in found(DUMPER_ENGINE=TASKS)


@pytest.mark.usefixtures("importable")
def test_tasks_with_a_worker_and_other_engines_are_silent():
    tasks = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

    assert found(DUMPER_ENGINE=TASKS, TASKS=tasks) == {}
    assert found(DUMPER_ENGINE="dumper_purge.contrib.celery.hand_over") == {}


# W017


EDGE = {"edge": {"BACKEND": "tests.deliver.stage.StageBackend", "LOCATION": "http://a"}}


def test_sqlite_behind_an_edge_is_to_wait_for_its_lock():
    message = found(DUMPER_BACKENDS=EDGE)["dumper_purge.W017"]

    assert "'other'" in message.msg
    assert "'transaction_mode': 'IMMEDIATE'" in message.hint


@pytest.mark.parametrize("mode", ["IMMEDIATE", "immediate", "EXCLUSIVE"])
def test_sqlite_that_waits_is_silent(mode):
    places = {
        alias: {**database, "OPTIONS": {"transaction_mode": mode}}
        for alias, database in settings.DATABASES.items()
    }
    with mock.patch.dict(settings.DATABASES, places):
        assert found(DUMPER_BACKENDS=EDGE) == {}


def test_sqlite_with_the_page_cache_alone_has_nobody_beside_it():
    assert found() == {}
