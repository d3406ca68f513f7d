"""What transactions do to one another: no save fails or waits because of the outbox."""

import threading
import time

import pytest
from django.apps import apps
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from dumper_purge import environment
from dumper_purge.backends import configured
from dumper_purge.deliver import bucket, delivery
from dumper_purge.deliver.outbox import databases, nodes, outboxes, table
from dumper_purge.deliver.outbox.nodes import node_key
from dumper_purge.deliver.upkeep import riders as rules
from tests.deliver.stage import tier
from tests.outbox.conftest import SERVERS
from tests.outbox.eyes import statements
from tests.outbox.rows import batch, stored
from tests.outbox.test_threads import at_once
from tests.zoo.models import Keeper

POSTGRES = [SERVERS[0]]


@pytest.fixture
def riding(inline, monkeypatch):
    """Let rows wait as they do outside of tests."""
    monkeypatch.setattr(environment, "is_test", lambda: False)
    return inline


def save(slug):
    with transaction.atomic():
        Keeper.objects.create(slug=slug)


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_no_save_of_many_at_once_fails_because_of_rows_that_ride_along(database, riding):
    def saves(number):
        for i in range(120):
            save(f"k{number}-{i}")

    _, errors = at_once(saves)

    assert errors == []
    assert delivery.finish(20) == []
    assert stored() == []


@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ"])
@pytest.mark.parametrize("database", POSTGRES, indirect=True)
def test_nothing_rides_where_a_deletion_could_make_the_transaction_fail(
    database, riding, monkeypatch, level
):
    monkeypatch.setattr(rules, "_TOGETHER", 1)
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")

    with statements() as found:
        for number in range(5):
            save(f"k{number}")

    assert not [sql for sql in found if "WITH gone" in sql]
    assert delivery.finish(20) == []
    assert stored() == []


@pytest.mark.parametrize("database", POSTGRES, indirect=True)
def test_a_single_transaction_of_another_level_deletes_nothing(database, riding, monkeypatch):
    monkeypatch.setattr(rules, "_TOGETHER", 1)
    monkeypatch.setattr(rules, "_QUIET", 60.0)
    for slug in ("first", "second", "third"):
        save(slug)
    waiting = stored()[-1].id

    with transaction.atomic():
        connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        with statements() as found:
            delivery.write(batch("/b/"), "default")

    assert [sql for sql in found if "WITH gone" in sql]
    assert waiting in {row.id for row in stored()}


def test_an_error_that_passes_costs_one_entry_and_no_more(database, monkeypatch, errors):
    save("first")
    with monkeypatch.context() as patch:
        patch.setattr(table, "write", refuse)
        delivery.write(batch("/lost/"), "default")
    save("second")

    assert "It is tried again at the next write" in errors()[-1]
    assert len(stored()) == 2


def refuse(*args, **kwargs):
    raise DatabaseError("canceling statement due to lock timeout")


@pytest.fixture
def held(database):
    """Return a function that holds the row of a node, as a process that was stopped may do."""
    outboxes.all_outboxes()
    release, threads = threading.Event(), []
    rows = apps.get_model("dumper_purge", "OutboxNode").objects

    def hold(alias, node):
        key, holds = node_key(alias, node), threading.Event()
        rows.get_or_create(key=key, defaults={"alias": alias, "node": node})

        def run():
            with transaction.atomic():
                rows.select_for_update().get(pk=key)
                holds.set()
                release.wait(30)
            connections.close_all()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        assert holds.wait(10)

    yield hold
    release.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_nobody_waits_to_tell_others_of_a_node_whose_row_is_held(database, held, caplog):
    held("edge", "a")
    nodes.succeeded("edge", "a")

    started = time.monotonic()
    nodes.flush_if_due()

    assert time.monotonic() - started < 2
    assert "What became of nodes could not be told to others" in caplog.text


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_a_budget_whose_row_is_held_is_counted_by_each_process(database, settings, held, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("a", rate=10, burst=10)}
    (backend,) = configured()
    bucket.take(backend, batch("/a/"))
    held("edge", "")

    started = time.monotonic()
    wait = bucket.take(backend, batch("/a/"))

    assert wait == 0
    assert time.monotonic() - started < 2
    assert "The budget of edge is not shared" in caplog.text


def test_the_first_look_is_taken_again_when_the_database_can_be_asked(
    database, monkeypatch, errors
):
    outboxes.forget()
    with monkeypatch.context() as patch:
        patch.setattr(databases, "has_table", refuse_to_connect)
        assert not outboxes.has_outbox("default")

    assert outboxes.has_outbox("default")
    assert errors()[-1].startswith("Whether 'default' has an outbox could not be looked up.")


def refuse_to_connect(using):
    raise OperationalError("connection refused")
