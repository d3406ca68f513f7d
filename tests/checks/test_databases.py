"""The databases of the site: W014 and W017."""

from unittest import mock

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from dumper_purge.checks import check_outbox
from dumper_purge.deliver.outbox import databases
from tests.checks.site import found


def of_databases(*names, **changes):
    """Return what the check says that runs with ``migrate`` and ``check --database``."""
    with override_settings(**changes):
        messages = run_checks(tags=["database"], databases=names)
    return [message for message in messages if message.id.startswith("dumper_purge.")]


@pytest.fixture
def without_table(monkeypatch):
    """Let one database have no table of the outbox."""
    monkeypatch.setattr(
        "dumper_purge.checks.databases.has_table",
        lambda using: using != "other" and databases.has_table(using),
    )


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
    monkeypatch.setattr(
        "dumper_purge.checks.databases.MigrationRecorder.has_table", lambda self: False
    )

    assert of_databases("other") == []


@pytest.mark.django_db(databases=["default", "other"])
def test_a_replica_is_silent(monkeypatch):
    """It has the table of its primary, and nothing is migrated there."""
    monkeypatch.setitem(connections["other"].settings_dict["TEST"], "MIRROR", "default")

    assert of_databases("other") == []


def test_a_wrong_setting_is_told_by_its_own_check_alone():
    assert of_databases("default", DUMPER_OUTBOX="yes") == []


# W017


EDGE = {"edge": {"BACKEND": "tests.deliver.stage.StageBackend", "LOCATION": "http://a"}}


def test_sqlite_behind_an_edge_is_to_wait_for_its_lock():
    message = found(DUMPER_BACKENDS=EDGE)["dumper_purge.W017"]

    assert "'other'" in message.msg
    assert "'transaction_mode': 'IMMEDIATE'" in message.hint


@pytest.mark.parametrize("mode", ["IMMEDIATE", "immediate", "EXCLUSIVE"])
def test_sqlite_that_waits_is_silent(mode):
    with of_all_databases(OPTIONS={"transaction_mode": mode}):
        assert found(DUMPER_BACKENDS=EDGE) == {}


def of_all_databases(**changes):
    places = {alias: {**place, **changes} for alias, place in settings.DATABASES.items()}
    return mock.patch.dict(settings.DATABASES, places)


def test_other_databases_behind_an_edge_are_silent():
    with of_all_databases(ENGINE="django.db.backends.postgresql"):
        assert found(DUMPER_BACKENDS=EDGE) == {}


def test_sqlite_behind_an_edge_without_an_outbox_has_nobody_beside_it():
    assert found(DUMPER_BACKENDS=EDGE, DUMPER_OUTBOX=False) == {}


def test_sqlite_with_the_page_cache_alone_has_nobody_beside_it():
    assert found() == {}
