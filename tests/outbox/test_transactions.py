"""A transaction and its entry: both are there, or neither is."""

from contextlib import suppress

import pytest
from django.db import transaction

from tests.outbox.eyes import entries, insertions, statements
from tests.zoo.models import Food, Keeper, Place


class Undo(Exception):
    """Rolls back."""


def test_data_and_entry_are_committed_together(database, eyes, monkeypatch):
    with eyes.watching(monkeypatch, "SELECT COUNT(*) FROM zoo_keeper") as seen:
        with transaction.atomic():
            Keeper.objects.create(slug="a")
            Keeper.objects.create(slug="b")

    assert seen == [(0, 0), (2, 1)]
    assert entries() == [{"/keepers/a/", "/keepers/b/"}]


def test_what_is_rolled_back_has_no_entry(database):
    with statements() as found, pytest.raises(Undo):
        with transaction.atomic():
            Keeper.objects.create(slug="a")
            raise Undo

    assert not insertions(found)
    assert entries() == []


def test_a_rolled_back_savepoint_leaves_nothing_of_its_own(database):
    with transaction.atomic():
        Keeper.objects.create(slug="before")
        with pytest.raises(Undo), transaction.atomic():
            Keeper.objects.create(slug="inside")
            raise Undo
        Keeper.objects.create(slug="after")

    assert entries() == [{"/keepers/before/", "/keepers/after/"}]


def test_what_a_savepoint_alone_wrote_outlives_others_that_were_rolled_back(database):
    with transaction.atomic():
        with pytest.raises(Undo), transaction.atomic():
            Keeper.objects.create(slug="undone")
            raise Undo
        with transaction.atomic():
            Keeper.objects.create(slug="kept")
        with pytest.raises(Undo), transaction.atomic():
            Keeper.objects.create(slug="undone-too")
            raise Undo

    assert entries() == [{"/keepers/kept/"}]


@pytest.mark.parametrize("undone", range(1, 5))
def test_a_savepoint_is_rolled_back_with_all_those_inside(database, undone):
    def nest(depth):
        Keeper.objects.create(slug=f"k{depth}")
        if depth < 4:
            with suppress(Undo), transaction.atomic():
                nest(depth + 1)
        if depth == undone:
            raise Undo

    with transaction.atomic():
        Keeper.objects.create(slug="k0")
        with suppress(Undo), transaction.atomic():
            nest(1)

    assert entries() == [{f"/keepers/k{depth}/" for depth in range(undone)}]


def test_a_transaction_whose_savepoints_were_all_rolled_back_adds_no_entry(database):
    with statements() as found, transaction.atomic():
        Place.objects.create(slug="unregistered")
        for slug in "ab":
            with pytest.raises(Undo), transaction.atomic():
                Keeper.objects.create(slug=slug)
                raise Undo

    assert not insertions(found)
    assert Place.objects.count() == 1


def test_each_database_has_the_entries_of_its_own_transactions(database):
    with transaction.atomic(), transaction.atomic(using="other"):
        Keeper.objects.create(slug="here")
        Keeper.objects.using("other").create(slug="there")

    assert entries() == [{"/keepers/here/"}]
    assert entries("other") == [{"/keepers/there/"}]


def test_an_entry_outlives_the_rollback_of_another_database(database):
    with pytest.raises(Undo), transaction.atomic():
        Keeper.objects.create(slug="here")
        with transaction.atomic(using="other"):
            Keeper.objects.using("other").create(slug="there")
        raise Undo

    assert entries() == []
    assert entries("other") == [{"/keepers/there/"}]


@pytest.mark.parametrize(
    "write",
    [
        lambda: Keeper.objects.bulk_create(Keeper(slug=f"n{i}") for i in range(500)),
        lambda: Keeper.objects.update(name="new"),
        lambda: Keeper.objects.bulk_update(list(Keeper.objects.all()), ["name"], batch_size=10),
        lambda: Keeper.objects.all().delete(),
        lambda: Food.objects.get().eaters.clear(),
    ],
    ids="bulk_create update bulk_update delete clear".split(),
)
def test_a_bulk_write_adds_one_entry_at_the_most(database, write):
    Food.objects.create(name="hay")
    Keeper.objects.bulk_create(Keeper(slug=f"k{i}") for i in range(50))

    with statements() as found:
        write()

    assert len(insertions(found)) <= 1


@pytest.mark.stress
def test_ten_thousand_saves_of_one_transaction_add_one_entry(database):
    with statements() as found, transaction.atomic():
        for i in range(10_000):
            Keeper(slug=f"k{i}").save()

    assert len(insertions(found)) == 1
    assert [len(paths) for paths in entries()] == [10_000]
