"""Saves of registered models, their relatives, and of nothing else."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.models.signals import post_save, pre_save

from dumper_purge.exceptions import DependentsError
from tests.zoo.models import (
    Animal,
    Aviary,
    Cage,
    Dome,
    Food,
    Keeper,
    LoudAnimal,
    Place,
    Poster,
    QuietAnimal,
    Seat,
    Ticket,
    Visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fox(outlet):
    return Animal.objects.create(name="fox", slug="fox")


def test_a_new_row_purges_its_paths_once(register, outlet):
    register(Animal)

    Animal.objects.create(name="fox", slug="fox")

    assert outlet.paths == [{"/animals/fox/"}]


def test_a_changed_slug_purges_the_old_path_and_the_new(register, outlet, fox):
    register(Animal)

    fox.slug = "wolf"
    fox.save()

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/"}]


def test_a_changed_parent_purges_the_pages_of_both(register, outlet):
    register(Animal)
    ann = Keeper.objects.create(name="Ann", slug="ann")
    bob = Keeper.objects.create(name="Bob", slug="bob")
    fox = Animal.objects.create(name="fox", slug="fox", keeper=ann)
    outlet.clear()

    fox.keeper = bob
    fox.save()

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/", "/keepers/bob/"}]


def test_the_old_path_is_that_of_the_database_not_of_a_stale_instance(register, outlet, fox):
    register(Animal)
    stale = Animal.objects.get()
    Animal.objects.filter(pk=fox.pk).update(slug="wolf")
    outlet.clear()

    stale.slug = "bear"
    stale.save()

    assert outlet.paths == [{"/animals/wolf/", "/animals/bear/"}]


def test_without_tracking_the_old_row_is_not_read(register, outlet, fox, django_assert_num_queries):
    register(Animal, track_changes=False)

    fox.slug = "wolf"
    with django_assert_num_queries(1):
        fox.save()

    assert outlet.paths == [{"/animals/wolf/"}]


def test_tracking_costs_one_query(register, fox, django_assert_num_queries):
    register(Animal)

    with django_assert_num_queries(2):
        fox.save()


def test_a_new_instance_costs_no_query(register, django_assert_num_queries):
    register(Animal)
    register(Ticket)

    with django_assert_num_queries(1):
        Animal.objects.create(name="fox", slug="fox")


def test_a_given_key_that_overwrites_a_row_purges_that_rows_path(register, outlet, fox):
    register(Animal)

    Animal(pk=fox.pk, name="wolf", slug="wolf").save()

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/"}]


def test_get_or_create_and_update_or_create_are_seen(register, outlet):
    register(Animal)

    Animal.objects.get_or_create(name="fox", defaults={"slug": "fox"})
    Animal.objects.get_or_create(name="fox", defaults={"slug": "unused"})
    Animal.objects.update_or_create(name="fox", defaults={"slug": "wolf"})

    assert outlet.paths == [{"/animals/fox/"}, {"/animals/fox/", "/animals/wolf/"}]


def test_update_fields_disjoint_from_fields_costs_and_purges_nothing(
    register, outlet, fox, django_assert_num_queries
):
    register(Animal, fields=["slug", "keeper"])

    with django_assert_num_queries(1):
        fox.save(update_fields=["views"])

    assert outlet.sent == []


@pytest.mark.parametrize("name", ["keeper", "keeper_id"])
def test_update_fields_may_name_a_relation_or_its_column(register, outlet, fox, name):
    register(Animal, fields=["keeper"])

    fox.keeper = Keeper.objects.create(slug="ann")
    fox.save(update_fields=[name])

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/"}]


def test_a_full_save_that_changes_none_of_the_fields_purges_nothing(register, outlet, fox):
    register(Animal, fields=["slug"])

    fox.views = 7
    fox.save()

    assert outlet.sent == []


def test_a_full_save_that_changes_one_of_the_fields_purges(register, outlet, fox):
    register(Animal, fields=["slug"])

    fox.slug = "wolf"
    fox.save()

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/"}]


def test_fields_without_tracking_cannot_tell_and_purge(register, outlet, fox):
    register(Animal, fields=["slug"], track_changes=False)

    fox.save()

    assert outlet.paths == [{"/animals/fox/"}]


def test_update_fields_of_an_instance_with_other_unsaved_changes_purges_the_real_row(
    register, outlet, fox
):
    register(Animal)

    fox.slug = "unsaved"
    fox.name = "wolf"
    fox.save(update_fields=["name"])

    assert outlet.paths == [{"/animals/fox/"}]


def test_a_deferred_instance_is_seen(register, outlet, fox):
    register(Animal)
    deferred = Animal.objects.only("name").get()

    deferred.name = "wolf"
    deferred.save()

    assert outlet.paths == [{"/animals/fox/"}]


def test_expressions_are_read_from_the_database_before_paths_are_made(register, outlet, fox):
    register(Animal)

    fox.slug = Concat(F("slug"), Value("-2"))
    fox.save()

    assert outlet.paths == [{"/animals/fox/", "/animals/fox-2/"}]


def test_generated_columns_are_read_after_an_update(register, outlet):
    register(Ticket)
    ticket = Ticket.objects.create(number="7")

    ticket.day = "friday"
    ticket.save()

    assert outlet.paths == [
        {"/tickets/monday-7/"},
        {"/tickets/monday-7/", "/tickets/friday-7/"},
    ]


def test_unregistered_models_purge_nothing_and_cost_nothing(
    register, outlet, django_assert_num_queries
):
    register(Animal)

    with django_assert_num_queries(1):
        Visitor.objects.create(name="Eve")

    assert outlet.sent == []
    assert not pre_save.has_listeners(Visitor)
    assert not post_save.has_listeners(Visitor)


def test_a_key_of_two_columns(register, outlet):
    register(Seat)
    seat = Seat.objects.create(line=1, number=2, guest="ann")

    seat.guest = "bob"
    seat.save()
    Seat.objects.update(guest="eve")
    Seat.objects.all().delete()

    assert outlet.paths == [
        {"/seats/1/2/ann/"},
        {"/seats/1/2/ann/", "/seats/1/2/bob/"},
        {"/seats/1/2/bob/", "/seats/1/2/eve/"},
        {"/seats/1/2/eve/"},
    ]


def test_the_old_row_is_read_by_the_base_manager(register, outlet):
    register(Poster)
    poster = Poster.objects.create(name="a")
    outlet.clear()

    poster.name = "b"
    poster.save()

    assert outlet.paths == [{"/posters/A/", "/posters/new/"}]


def test_values_from_the_database_are_converted_as_ever(register, outlet):
    register(Ticket, paths=lambda ticket: [f"/tickets/{ticket.pk}/"])
    ticket = Ticket.objects.create(number="1")
    outlet.clear()

    ticket.save()

    assert outlet.paths == [{f"/tickets/{ticket.pk}/"}]


@pytest.fixture
def locked(monkeypatch):
    """Let SQLite pass for a database with row locks; remember what would be locked."""
    seen = []

    def without_locks(execute, sql, params, many, context):
        if " FOR " in sql:
            seen.append(sql.split('"')[1])
            sql = sql.partition(" FOR ")[0]
        return execute(sql, params, many, context)

    monkeypatch.setattr(type(connection.features), "has_select_for_update", True)
    with connection.execute_wrapper(without_locks):
        yield seen


def test_the_old_row_is_locked_inside_a_transaction(register, fox, locked):
    register(Animal)

    fox.save()
    assert locked == []

    with transaction.atomic():
        fox.save()
    assert locked == ["zoo_animal"]


def test_bulk_writes_and_deletions_lock_the_rows_and_not_what_they_join(register, fox, locked):
    register(Animal)

    Animal.objects.update(name="wolf")
    Animal.objects.bulk_update([fox], ["name"])
    fox.foods.add(Food.objects.create(name="hay"))
    fox.delete()

    assert locked == ["zoo_animal", "zoo_animal", "zoo_animal", "zoo_animal_foods"]


# Proxies and multi-table inheritance


def test_saving_a_proxy_of_a_registered_model_purges(register, outlet):
    register(Animal)

    QuietAnimal.objects.create(name="owl", slug="owl")

    assert outlet.paths == [{"/animals/owl/"}]


def test_the_override_of_a_proxy_counts(register, outlet):
    register(Animal)

    LoudAnimal.objects.create(name="owl", slug="owl")

    assert outlet.paths == [{"/loud/owl/"}]


def test_the_pages_of_a_proxy_are_purged_when_the_model_itself_is_saved(register, outlet, fox):
    register(LoudAnimal)

    fox.slug = "wolf"
    fox.save()

    assert outlet.paths == [{"/loud/fox/", "/loud/wolf/"}]


def test_saving_a_child_of_a_registered_model_purges(register, outlet):
    register(Place)
    cage = Cage.objects.create(slug="a")
    outlet.clear()

    cage.slug = "b"
    cage.save()

    assert outlet.paths == [{"/places/a/", "/places/b/"}]


def test_saving_the_parent_of_a_registered_model_purges(register, outlet):
    register(Cage)
    place = Place.objects.get(pk=Cage.objects.create(slug="a").pk)
    outlet.clear()

    place.slug = "b"
    place.save()

    assert outlet.paths == [{"/places/a/", "/places/b/"}]


def test_saving_the_parent_purges_what_an_unregistered_child_overrides(register, outlet):
    register(Place)
    place = Place.objects.get(pk=Aviary.objects.create(slug="a").pk)
    outlet.clear()

    place.slug = "b"
    place.save()

    assert outlet.paths == [{"/places/a/", "/places/b/", "/aviaries/a/", "/aviaries/b/"}]


def test_saving_a_place_that_is_no_cage_purges_nothing_of_cages(register, outlet):
    register(Cage)

    Place.objects.create(slug="a")

    assert outlet.sent == []


def test_three_levels_deep(register, outlet):
    register(Place)
    dome = Dome.objects.create(slug="a")
    outlet.clear()

    dome.slug = "b"
    dome.save()
    Aviary.objects.get().save()

    assert outlet.paths == [{"/aviaries/a/", "/aviaries/b/"}, {"/aviaries/b/"}]


def test_a_row_that_becomes_a_child_purges_what_it_was(register, outlet):
    register(Place)
    place = Place.objects.create(slug="a")
    outlet.clear()

    Cage(place_ptr=place, slug="b").save()

    assert outlet.paths == [{"/places/a/", "/places/b/"}]


def test_parent_and_child_both_registered_purge_the_pages_of_both(register, outlet):
    register(Place)
    register(Aviary)

    Aviary.objects.create(slug="a")

    assert outlet.paths == [{"/places/a/", "/aviaries/a/"}]


# Failures around the write


def test_the_row_is_purged_whatever_a_receiver_has_made_of_the_instance(register, outlet, fox):
    register(Animal)

    def change(instance, **kwargs):
        instance.slug = "only-in-memory"

    post_save.connect(change, sender=Animal)
    try:
        with transaction.atomic():
            fox.slug = "wolf"
            fox.save()
    finally:
        post_save.disconnect(change, sender=Animal)

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/"}]


def test_no_receiver_costs_a_query_that_changes_nothing(register, fox, django_assert_num_queries):
    register(Animal, track_changes=False)

    def look(instance, **kwargs):
        assert instance.slug

    post_save.connect(look, sender=Animal)
    try:
        with django_assert_num_queries(3), transaction.atomic():  # and the savepoint's two
            fox.save()
    finally:
        post_save.disconnect(look, sender=Animal)


def test_a_receiver_that_raises_after_the_commit_does_not_lose_the_purge(register, outlet, fox):
    register(Animal)

    def explode(**kwargs):
        raise RuntimeError("boom")

    post_save.connect(explode, sender=Animal)
    try:
        fox.slug = "wolf"
        with pytest.raises(RuntimeError):
            fox.save()
        with pytest.raises(RuntimeError):
            Animal.objects.create(name="owl", slug="owl")
    finally:
        post_save.disconnect(explode, sender=Animal)

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/"}, {"/animals/owl/"}]


def test_an_insert_that_the_database_refuses_purges_nothing(register, outlet, fox):
    register(Animal)

    with pytest.raises(IntegrityError):
        Animal.objects.create(name="fox", slug="fox")

    assert outlet.sent == []


def test_a_refused_write_inside_a_transaction_leaves_its_error_alone(register, outlet, fox):
    register(Animal)
    owl = Animal.objects.create(name="owl", slug="owl")
    outlet.clear()

    with pytest.raises(IntegrityError), transaction.atomic():
        owl.slug = "fox"
        owl.save()

    assert outlet.sent == []


def test_a_strict_error_after_the_commit_purges_broadly_and_reaches_the_caller(register, outlet):
    register(Keeper, paths=lambda keeper: 1 / 0)

    with pytest.raises(DependentsError, match=r"zoo.Keeper \(pk \d+\) failed: division by zero"):
        Keeper.objects.create(name="Ann")

    assert [batch.everything for batch in outlet.sent] == [True]
    assert Keeper.objects.count() == 1


def test_a_strict_error_before_the_write_prevents_it(register, outlet):
    keeper = Keeper.objects.create(name="Ann")
    register(Keeper, paths=lambda keeper: 1 / 0)

    keeper.name = "Bob"
    with pytest.raises(DependentsError):
        keeper.save()

    assert Keeper.objects.get().name == "Ann"
    assert outlet.sent == []


def test_disabled_collects_nothing(register, outlet, settings, fox):
    register(Animal)
    settings.DUMPER_ENABLED = False

    with transaction.atomic():
        fox.save()

    assert outlet.sent == []
    assert connection.run_on_commit == []
