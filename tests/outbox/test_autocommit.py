"""A write in autocommit: its rows and its entry are one transaction, its receivers are outside."""

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, connections

from dumper_purge.collect.registering import register
from dumper_purge.deliver.outbox import outboxes
from tests.outbox.eyes import entries, insertions, statements
from tests.zoo.models import Animal, Cage, Food, Keeper, Place, Ticket


@pytest.fixture
def rows(database, settings):
    """Rows of which the outbox knows nothing."""
    settings.DUMPER_ENABLED = False
    keeper = Keeper.objects.create(slug="ann")
    hay = Food.objects.create(name="hay")
    horse = Animal.objects.create(name="horse", slug="horse", keeper=keeper)
    horse.foods.add(hay)
    Food.objects.create(name="oats")
    settings.DUMPER_ENABLED = True


def changed():
    keeper = Keeper.objects.get()
    keeper.slug = "bob"
    return keeper


def renamed(**options):
    changed().save(**options)


WRITES = {
    "create": (
        lambda: Keeper.objects.create(slug="new"),
        "SELECT COUNT(*) FROM zoo_keeper",
        {"/keepers/new/"},
    ),
    "save": (renamed, "SELECT slug FROM zoo_keeper", {"/keepers/ann/", "/keepers/bob/"}),
    "update_fields": (
        lambda: renamed(update_fields=["slug"]),
        "SELECT slug FROM zoo_keeper",
        {"/keepers/ann/", "/keepers/bob/"},
    ),
    "get_or_create": (
        lambda: Keeper.objects.get_or_create(slug="new"),
        "SELECT COUNT(*) FROM zoo_keeper",
        {"/keepers/new/"},
    ),
    "update_or_create": (
        lambda: Keeper.objects.update_or_create(slug="ann", defaults={"slug": "bob"}),
        "SELECT slug FROM zoo_keeper",
        {"/keepers/ann/", "/keepers/bob/"},
    ),
    "delete": (
        lambda: Food.objects.get(name="hay").delete(),
        "SELECT COUNT(*) FROM zoo_food",
        {"/foods/hay/", "/animals/horse/", "/keepers/ann/"},
    ),
    "delete of a queryset": (
        lambda: Food.objects.filter(name="hay").delete(),
        "SELECT COUNT(*) FROM zoo_food",
        {"/foods/hay/", "/animals/horse/", "/keepers/ann/"},
    ),
    "update": (
        lambda: Keeper.objects.update(slug="bob"),
        "SELECT slug FROM zoo_keeper",
        {"/keepers/ann/", "/keepers/bob/"},
    ),
    "add": (
        lambda: Animal.objects.get().foods.add(Food.objects.get(name="oats")),
        "SELECT COUNT(*) FROM zoo_animal_foods",
        {"/foods/oats/", "/animals/horse/", "/keepers/ann/"},
    ),
    "remove": (
        lambda: Animal.objects.get().foods.remove(Food.objects.get(name="hay")),
        "SELECT COUNT(*) FROM zoo_animal_foods",
        {"/foods/hay/", "/animals/horse/", "/keepers/ann/"},
    ),
    "bulk_create": (
        lambda: Keeper.objects.bulk_create([Keeper(slug="x"), Keeper(slug="y")]),
        "SELECT COUNT(*) FROM zoo_keeper",
        {"/keepers/x/", "/keepers/y/"},
    ),
    "bulk_update": (
        lambda: Keeper.objects.bulk_update([changed()], ["slug"]),
        "SELECT slug FROM zoo_keeper",
        {"/keepers/ann/", "/keepers/bob/"},
    ),
    "fixture": (
        lambda: loaded('[{"model": "zoo.keeper", "pk": 99, "fields": {"name": "", "slug": "f"}}]'),
        "SELECT COUNT(*) FROM zoo_keeper",
        {"/keepers/f/"},
    ),
}


def loaded(text):
    for item in serializers.deserialize("json", text):
        item.save()


@pytest.mark.parametrize("name", WRITES)
def test_rows_and_entry_are_committed_together(database, rows, eyes, monkeypatch, name):
    write, query, paths = WRITES[name]
    before = eyes.see(query)

    with eyes.watching(monkeypatch, query) as seen, statements() as found:
        write()

    assert seen == [(before, 0), (eyes.see(query), 1)]
    assert before != eyes.see(query)
    assert entries() == [paths]
    assert len(insertions(found)) == 1


def test_all_rows_of_a_child_model_are_committed_with_the_entry(database, eyes, monkeypatch):
    register(Place)
    query = "SELECT (SELECT COUNT(*) FROM zoo_place) + (SELECT COUNT(*) FROM zoo_cage)"

    with eyes.watching(monkeypatch, query) as seen:
        Cage.objects.create(slug="den")

    assert seen == [(0, 0), (2, 1)]
    assert entries() == [{"/places/den/"}]


def test_what_only_the_database_knows_of_a_row_is_in_the_entry(database, eyes, monkeypatch):
    register(Ticket)

    with eyes.watching(monkeypatch, "SELECT COUNT(*) FROM zoo_ticket") as seen:
        Ticket.objects.create(number="7")

    assert seen == [(0, 0), (1, 1)]
    assert entries() == [{"/tickets/monday-7/"}]


def test_a_save_that_the_database_refuses_leaves_nothing(database):
    Animal.objects.create(name="horse", slug="horse")

    with pytest.raises(IntegrityError):
        Animal.objects.create(name="other", slug="horse")

    assert entries() == [{"/animals/horse/"}]


def test_a_save_goes_on_after_one_that_was_refused(database):
    Animal.objects.create(name="horse", slug="horse")
    with pytest.raises(IntegrityError):
        Animal.objects.create(name="other", slug="horse")

    Animal.objects.create(name="cow", slug="cow")

    assert entries() == [{"/animals/cow/"}, {"/animals/horse/"}]
    assert connection.get_autocommit()


@pytest.mark.parametrize("name", WRITES)
def test_without_an_outbox_nothing_asks_for_it(database, rows, settings, name):
    settings.DUMPER_OUTBOX = False
    write = WRITES[name][0]

    with statements() as found:
        write()

    assert not [sql for sql in found if "dumper_purge" in sql]


def test_without_an_outbox_a_save_is_as_many_statements_as_ever(database, settings):
    settings.DUMPER_OUTBOX = False
    Keeper.objects.create(slug="first")

    with statements() as found:
        Keeper.objects.create(slug="a")

    assert len(found) == 1


def test_an_unregistered_model_is_saved_as_ever(database):
    Place.objects.create(slug="first")

    with statements() as found:
        Place.objects.create(slug="a")

    assert len(found) == 1


@pytest.mark.parametrize("is_known", [False, True])
def test_the_first_statement_of_a_connection_may_be_a_save(database, is_known):
    if is_known:
        outboxes.has_outbox("default")
    connection.close()
    del connections["default"]

    Keeper.objects.create(slug="a")

    assert entries() == [{"/keepers/a/"}]
