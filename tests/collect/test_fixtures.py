"""Fixtures are loaded raw: in any order, with relations that are not there yet."""

import json
import logging

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import segment
from dumper_purge.collect.scope import paused
from tests.zoo.models import Animal, Cage, Keeper, Place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def load(tmp_path):
    def load(*rows):
        path = tmp_path / "rows.json"
        path.write_text(json.dumps([
            {"model": f"zoo.{model}", "pk": pk, "fields": fields} for model, pk, fields in rows
        ]))  # fmt: skip
        call_command("loaddata", path, verbosity=0)

    return load


FOX = ("animal", 1, {"name": "fox", "slug": "fox", "keeper": 1})
ANN = ("keeper", 1, {"slug": "ann"})


def test_a_row_whose_relation_comes_later_is_purged_at_the_commit(register, outlet, load):
    register(Animal)

    load(FOX, ANN)

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/"}]


def test_a_row_that_is_overwritten_purges_its_old_path(register, outlet, load):
    register(Animal)
    load(FOX, ANN)
    outlet.clear()

    load(("animal", 1, {"name": "fox", "slug": "wolf", "keeper": 1}))

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/", "/keepers/ann/"}]


def test_many_to_many_rows_of_a_fixture_are_seen(register, outlet, load):
    register(Animal, paths=lambda animal: [f"/{food.name}/" for food in animal.foods.all()])

    load(
        ("animal", 1, {"name": "fox", "slug": "fox", "foods": [1]}),
        ("food", 1, {"name": "hay"}),
    )

    assert outlet.paths == [{"/hay/"}]


def test_parents_and_children_are_seen(register, outlet, load):
    register(Place)

    load(("place", 1, {"slug": "a"}), ("cage", 1, {"bars": 2}))

    assert outlet.paths == [{"/places/a/"}]
    assert Cage.objects.count() == 1


def test_a_fixture_never_fails_for_its_dependents_and_is_purged_broadly(
    register, outlet, load, caplog
):
    register(Keeper, paths=lambda keeper: 1 / 0)

    with caplog.at_level(logging.ERROR, "dumper.collect"):
        load(ANN)

    assert outlet.sent == [PurgeBatch(everything=True)]
    assert "ZeroDivisionError" in caplog.text


def test_a_large_fixture_purges_what_is_declared(register, outlet, load, settings):
    settings.DUMPER_BULK_LIMIT = 1
    register(Keeper, bulk=["keepers"])

    load(ANN, ("keeper", 2, {"slug": "bob"}))

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]


def test_a_fixture_in_a_rolled_back_savepoint_purges_nothing(register, outlet, load):
    register(Keeper)

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            load(ANN)
            1 / 0

    assert outlet.sent == []


def test_a_paused_fixture_is_handed_over(register, outlet, load):
    register(Animal)

    with paused() as held:
        load(FOX, ANN)
    with transaction.atomic(), paused() as inner:
        load(FOX, ANN)

    assert outlet.sent == []
    assert held.batch == PurgeBatch(paths=frozenset({"/animals/fox/", "/keepers/ann/"}))
    assert inner.batch == held.batch


def test_a_raw_save_outside_a_transaction_is_purged_at_once(register, outlet):
    register(Keeper)

    Keeper(pk=1, slug="a").save_base(raw=True)

    assert outlet.paths == [{"/keepers/a/"}]


def test_loaded_rows_that_cannot_be_read_are_purged_broadly(
    register, outlet, load, monkeypatch, caplog
):
    register(Keeper)

    def unreadable(*args, **kwargs):
        raise DatabaseError("gone away")

    monkeypatch.setattr(segment, "read", lambda *args: iter(unreadable, None))
    with caplog.at_level(logging.ERROR, "dumper.collect"):
        load(ANN)

    assert outlet.sent == [PurgeBatch(everything=True)]
    assert "gone away" in caplog.text
