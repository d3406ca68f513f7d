"""Databases that take no entries: the save succeeds, the purges are sent, and it is said once."""

import pytest
from django.db import DatabaseError, connection, transaction

from dumper_purge.deliver import delivery
from dumper_purge.deliver.outbox import outboxes, table
from tests.outbox.databases import without_table
from tests.outbox.eyes import entries, statements
from tests.zoo.models import Keeper


def test_a_save_succeeds_without_the_table(database, inline, errors):
    with without_table(), statements() as found:
        for slug in "abc":
            Keeper.objects.create(slug=slug)
        with transaction.atomic():
            Keeper.objects.create(slug="d")
        assert delivery.finish(5) == []
        asked = [sql for sql in found if "dumper_purge" in sql]

    assert Keeper.objects.count() == 4
    assert len(inline.events) == 8
    assert len(errors()) == 1
    assert "migrate --database default" in errors()[0]
    assert asked == []


def test_only_the_database_without_the_table_does_without(database, errors):
    with without_table("other"):
        Keeper.objects.using("other").create(slug="there")
        Keeper.objects.create(slug="here")

    assert entries() == [{"/keepers/here/"}]
    assert entries("other") == []
    assert len(errors()) == 1
    assert "migrate --database other" in errors()[0]


@pytest.mark.parametrize("proven", [False, True])
def test_a_save_in_autocommit_survives_the_loss_of_the_table(database, inline, errors, proven):
    outboxes.has_outbox("default")
    if proven:
        Keeper.objects.create(slug="before")
        delivery.finish(5)
    inline.forget()

    with without_table():
        saved = tried(lambda: Keeper.objects.create(slug="during"))
        again = tried(lambda: Keeper.objects.create(slug="after"))
        delivery.finish(5)

    assert again
    assert saved or (proven and connection.vendor == "postgresql")
    purged = set().union(*(event[2].paths for event in inline.events))
    assert {"/keepers/after/"} | ({"/keepers/during/"} if saved else set()) <= purged
    assert len([text for text in errors() if "migrate" in text]) == 1


@pytest.mark.parametrize("proven", [False, True])
def test_a_transaction_survives_the_loss_of_the_table(database, inline, errors, proven):
    outboxes.has_outbox("default")
    if proven:
        Keeper.objects.create(slug="before")
        delivery.finish(5)
    inline.forget()

    def save(slug):
        with transaction.atomic():
            Keeper.objects.create(slug=slug)

    with without_table():
        saved = tried(lambda: save("during"))
        again = tried(lambda: save("after"))
        delivery.finish(5)

    assert again
    assert Keeper.objects.filter(slug="during").exists() == saved
    assert saved or (proven and connection.vendor == "postgresql")
    purged = set().union(*(event[2].paths for event in inline.events))
    assert {"/keepers/after/"} | ({"/keepers/during/"} if saved else set()) <= purged
    assert connection.get_autocommit()


def tried(save):
    """Tell whether a save succeeded."""
    try:
        save()
    except DatabaseError:
        return False
    return True


def test_the_outbox_is_found_again_when_the_table_is_back(database, monkeypatch):
    with without_table():
        Keeper.objects.create(slug="a")
    monkeypatch.setattr(outboxes, "_without", {})

    Keeper.objects.create(slug="b")

    assert entries() == [{"/keepers/b/"}]


@pytest.mark.parametrize(
    "error, remedy",
    [
        ('relation "dumper_purge_outboxentry" does not exist', "migrate --database default"),
        ("no such table: dumper_purge_outboxentry", "migrate --database default"),
        ("permission denied for table dumper_purge_outboxentry", "Let its user read, insert"),
        ("attempt to write a readonly database", "Let its user read, insert"),
        ("the disk is full", "tried again at the next write"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_said_to_help_fits_the_error(database, errors, monkeypatch, error, remedy):
    def fail(*args, **kwargs):
        raise DatabaseError(error)

    outboxes.has_outbox("default")
    monkeypatch.setattr(table, "write", fail)

    Keeper.objects.create(slug="a")

    (text,) = errors()
    assert remedy in text
    assert error in text
