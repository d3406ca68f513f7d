"""Real databases of every kind, and a site of two nodes that keeps its outbox there."""

import logging

import pytest
from django.db import connections

from dumper_purge.collect import plans, registry
from dumper_purge.collect.registering import register
from dumper_purge.deliver import delivery
from dumper_purge.deliver.outbox import outboxes
from tests.deliver.stage import stage as shared_stage
from tests.deliver.stage import tier
from tests.mariadb import mariadb_server, use_pymysql
from tests.outbox.databases import ServerDatabases, SqliteDatabases, connected
from tests.outbox.eyes import Eyes
from tests.postgres import postgres_server
from tests.zoo.models import Animal, Food, Keeper

SERVERS = [
    pytest.param("postgres", marks=pytest.mark.needs("postgres")),
    pytest.param("mariadb", marks=pytest.mark.needs("mariadb")),
]
KINDS = ["sqlite", "sqlite_wal", *SERVERS]


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory, django_db_blocker):
    with django_db_blocker.unblock():
        yield SqliteDatabases(tmp_path_factory.mktemp("sqlite"), "delete")


@pytest.fixture(scope="session")
def sqlite_wal(tmp_path_factory, django_db_blocker):
    with django_db_blocker.unblock():
        yield SqliteDatabases(tmp_path_factory.mktemp("sqlite_wal"), "wal")


@pytest.fixture(scope="session")
def postgres(django_db_blocker):
    with postgres_server(durable=False) as server, django_db_blocker.unblock():
        yield ServerDatabases(server, "postgresql")


@pytest.fixture(scope="session")
def mariadb(django_db_blocker):
    use_pymysql()
    with mariadb_server() as server, django_db_blocker.unblock():
        yield ServerDatabases(server, "mysql")


@pytest.fixture
def database(request, tmp_path, django_db_blocker):
    """Return the vendor of the database that all is written to; a test may choose the kinds."""
    kind = request.getfixturevalue(request.param)
    with django_db_blocker.unblock(), connected(kind.fresh(tmp_path)):
        delivery.forget()
        outboxes.forget()
        yield kind.vendor
        left = delivery.finish(5)
        delivery.forget()
        outboxes.forget()
    assert not left


def pytest_generate_tests(metafunc):
    """Run what names no kinds on all of them."""
    named = (mark.args[0].split(",") for mark in metafunc.definition.iter_markers("parametrize"))
    if "database" in metafunc.fixturenames and not any("database" in names for names in named):
        metafunc.parametrize("database", KINDS, indirect=True)


@pytest.fixture(autouse=True)
def _site(settings, monkeypatch):
    """Let entries wait for a worker that is not there."""
    settings.DUMPER_BACKENDS = {"edge": tier("a", "b")}
    settings.DUMPER_ENGINE = "worker"
    settings.DUMPER_SWEEP_INTERVAL = 0
    monkeypatch.setattr(registry, "_registrations", {})
    plans.forget()
    for model in (Animal, Food, Keeper):
        register(model)
    yield
    plans.forget()


@pytest.fixture
def stage():
    shared_stage.forget()
    return shared_stage


@pytest.fixture
def inline(settings, stage):
    """Deliver at once, in this process."""
    settings.DUMPER_ENGINE = "inline"
    return stage


@pytest.fixture
def eyes(database):
    """See what is committed, over a connection of its own."""
    connection = connections.create_connection("default")
    yield Eyes(connection)
    connection.close()


@pytest.fixture
def errors(caplog):
    """Return the messages of level ERROR so far."""
    caplog.set_level(logging.DEBUG, "dumper")

    def messages():
        return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]

    return messages
