"""A transaction that has ended is not taken for one that lives, and one that lives is not ended."""

import os
import threading

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from dumper_purge.deliver.outbox import databases, encoding, sql
from dumper_purge.deliver.outbox.rows import Left
from tests.mariadb import mariadb_server, use_pymysql
from tests.outbox.conftest import SERVERS
from tests.outbox.databases import connected
from tests.outbox.eyes import entries
from tests.outbox.rows import batch, close, stored, written
from tests.zoo.models import Food, Keeper

POSTGRES, MARIADB = SERVERS[:1], SERVERS[1:]
FILES = ["sqlite", "sqlite_wal"]
CLOCKS_GO_BACK = 1729990800
KEEPERS = "SELECT COUNT(*) FROM zoo_keeper WHERE slug = 'new'"


def save_in_autocommit():
    Keeper.objects.create(slug="new")


def save_in_transaction():
    with transaction.atomic():
        Keeper.objects.create(slug="new")


either_way = pytest.mark.parametrize("save", [save_in_autocommit, save_in_transaction])


@pytest.fixture
def proven(database):
    """Let an entry have been written before, so that none needs a savepoint of its own."""
    Keeper.objects.create(slug="before")


@pytest.fixture
def many_pages(monkeypatch):
    """Return a function that lets each keeper have so many pages of long names."""

    def let(count):
        paths = [f"/{'y' * 900}/{number}/" for number in range(count)]
        monkeypatch.setattr(Keeper, "dependent_paths", lambda keeper: paths)

    return let


# Queries that fail on the way to the entry


@pytest.mark.parametrize("is_first", [True, False])
def test_dependents_that_get_over_a_failed_query_break_no_save(
    request, database, eyes, monkeypatch, is_first
):
    def fall_back(keeper):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM not_there")
        except DatabaseError:
            return ["/fallback/"]

    if not is_first:
        request.getfixturevalue("proven")
    monkeypatch.setattr(Keeper, "dependent_paths", fall_back)

    save_in_autocommit()

    assert eyes.see(KEEPERS) == 1
    assert {"/fallback/"} in entries()


@either_way
def test_a_look_up_of_the_table_that_fails_breaks_no_save(
    database, inline, eyes, errors, monkeypatch, save
):
    monkeypatch.setitem(databases._IS_REPLICA, database, "SELECT no_such_right()")

    save()

    inline.wait_for(2)
    assert eyes.see(KEEPERS) == 1
    assert len(errors()) == 1


# Ends


@either_way
def test_a_process_that_is_ended_at_the_commit_has_committed_nothing(
    database, proven, eyes, monkeypatch, save
):
    def leave(batch):
        raise SystemExit(1)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(encoding, "encoded", leave)
        save()
    seen = eyes.see(KEEPERS)
    Keeper.objects.create(slug="after")

    assert seen == 0
    assert eyes.see("SELECT COUNT(*) FROM zoo_keeper WHERE slug = 'after'") == 1
    assert entries() == [{"/keepers/after/"}, {"/keepers/before/"}]


@pytest.mark.parametrize("database", FILES, indirect=True)
@either_way
def test_a_disk_that_is_full_at_the_commit_is_told_to_whoever_saves(
    database, proven, eyes, many_pages, save
):
    many_pages(3_000)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 20}")

    with pytest.raises(OperationalError, match="full"):
        save()

    assert eyes.see(KEEPERS) == 0
    assert entries() == [{"/keepers/before/"}]


@pytest.mark.parametrize("database", MARIADB, indirect=True)
def test_a_deadlock_at_the_commit_is_told_to_whoever_saves(database, eyes):
    hay = Food.objects.create(name="hay")
    about_to_commit = threading.Event()
    rival = threading.Thread(
        target=collide, args=[hay, locked := threading.Event(), about_to_commit]
    )
    rival.start()
    assert locked.wait(5)

    with pytest.raises(OperationalError, match="Deadlock"), transaction.atomic():
        Food.objects.filter(pk=hay.pk).update(name="mine")
        Keeper.objects.create(slug="new")
        about_to_commit.set()
    rival.join()

    assert eyes.see(KEEPERS) == 0
    assert eyes.see(f"SELECT name FROM zoo_food WHERE id = {hay.pk}") == "theirs"
    assert entries() == [{"/foods/hay/"}]


def collide(food, locked, about_to_commit):
    """Hold the outbox, and want a row; so much was written that InnoDB ends the other side."""
    rival = connections.create_connection("default")
    with rival.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION")
        cursor.execute("INSERT INTO zoo_place (slug) VALUES " + ", ".join(["('a')"] * 500))
        cursor.execute("SELECT id FROM dumper_purge_outboxentry FOR UPDATE")
        locked.set()
        about_to_commit.wait(5)
        cursor.execute("UPDATE zoo_food SET name = 'theirs' WHERE id = %s", [food.pk])
        cursor.execute("COMMIT")
    rival.close()


# What servers have of their own


@pytest.mark.parametrize("database", MARIADB, indirect=True)
@either_way
def test_a_batch_that_no_packet_takes_is_entered_as_everything(
    database, proven, eyes, many_pages, save
):
    many_pages(20_000)

    save()

    assert eyes.see(KEEPERS) == 1
    assert sum(encoding.decoded(row.batch).everything for row in stored()) == 1


@pytest.mark.parametrize("database", POSTGRES, indirect=True)
def test_entries_that_are_closed_in_a_transaction_leave_it_durable(database):
    refs = written(2)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO ON")
        close(refs[:1])
        close(refs[1:], [Left(batch=batch("/a/")), Left(batch=batch("/b/"))])
        cursor.execute("SHOW synchronous_commit")
        durability = cursor.fetchone()[0]

    assert durability == "on"


@pytest.mark.needs("mariadb")
def test_the_clock_goes_on_while_the_hour_comes_twice(monkeypatch, django_db_blocker):
    monkeypatch.setitem(os.environ, "TZ", "Europe/Berlin")
    moments = range(CLOCKS_GO_BACK - 5_400, CLOCKS_GO_BACK + 5_400, 900)
    use_pymysql()

    with mariadb_server() as server, django_db_blocker.unblock():
        with connected({"default": server, "other": server}), connection.cursor() as cursor:
            told = []
            for moment in moments:
                cursor.execute(f"SET timestamp = {moment}")
                told.append(sql.clock("default"))

    assert told == list(moments)
