"""Databases that may be read only, or written only in part."""

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, connections, transaction

from dumper_purge.deliver import delivery, sweep
from dumper_purge.deliver.outbox import outboxes
from tests.outbox.conftest import SERVERS
from tests.outbox.databases import connected
from tests.outbox.eyes import entries
from tests.outbox.rows import stored
from tests.zoo.models import Keeper


@contextmanager
def limited(grants):
    """Be somebody who has all rights on the data, and only some on the outbox."""
    settings = {alias: dict(connections.settings[alias]) for alias in ("default", "other")}
    settings["default"]["USER"] = "limited"
    tables = "dumper_purge_outboxentry, dumper_purge_outboxnode"
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE limited LOGIN")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO limited")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO limited")
        cursor.execute(f"REVOKE ALL ON {tables} FROM limited")
        cursor.execute(f"GRANT {grants} ON {tables} TO limited")
    try:
        with connected(settings):
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY limited")
            cursor.execute("DROP ROLE limited")


@pytest.mark.parametrize("database", SERVERS[:1], indirect=True)
@pytest.mark.parametrize("grants", ["SELECT", "SELECT, DELETE, UPDATE", "REFERENCES"])
def test_a_save_succeeds_without_the_right_to_write_entries(database, inline, errors, grants):
    with limited(grants):
        Keeper.objects.create(slug="a")
        with transaction.atomic():
            Keeper.objects.create(slug="b")
        assert delivery.finish(5) == []

    assert Keeper.objects.count() == 2
    assert len(inline.events) == 4
    assert len([text for text in errors() if "DUMPER_OUTBOX" in text]) == 1


@pytest.mark.parametrize("database", SERVERS[:1], indirect=True)
def test_without_the_right_to_delete_entries_purges_are_sent_all_the_same(database, inline):
    with limited("SELECT, INSERT"):
        Keeper.objects.create(slug="a")
        inline.wait_for(2)
        delivery.finish(0.3)
        delivery.forget()

    assert len(inline.events) == 2
    assert len(stored()) == 1


@pytest.mark.parametrize("database", ["sqlite", "sqlite_wal"], indirect=True)
def test_a_database_that_cannot_be_written_is_read_as_ever(database, errors):
    Keeper.objects.create(slug="a")
    settings = {alias: dict(connections.settings[alias]) for alias in ("default", "other")}
    for each in settings.values():
        each["NAME"] = f"file:{each['NAME']}?mode=ro"
        each["OPTIONS"] = {"uri": True}

    with connected(settings):
        outboxes.forget()
        assert Keeper.objects.count() == 1
        with pytest.raises(DatabaseError):
            Keeper.objects.create(slug="b")
        assert [row.batch for row in stored()]
        assert sweep.sweep() == 0


@pytest.mark.parametrize("database", SERVERS[:1], indirect=True)
def test_a_transaction_that_only_reads_fails_as_ever(database):
    with pytest.raises(DatabaseError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        Keeper.objects.create(slug="a")

    assert entries() == []
    Keeper.objects.create(slug="b")
    assert entries() == [{"/keepers/b/"}]
