"""Bulk writes: update(), bulk_create(), bulk_update()."""

import inspect
import logging
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat, Upper

from dumper_purge.batch import Prefix, PurgeBatch
from dumper_purge.collect import querysets
from dumper_purge.exceptions import DependentsError
from tests.zoo.models import (
    Animal,
    Aviary,
    Cage,
    Keeper,
    Place,
    QuietAnimal,
    Shift,
    Ticket,
    Visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keepers():
    for slug in "abc":
        Keeper.objects.create(name=slug, slug=slug)


def test_update_purges_old_and_new_paths_in_one_batch(register, outlet, keepers):
    register(Keeper)

    assert Keeper.objects.exclude(slug="c").update(slug=Concat("slug", Value("2"))) == 2

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/", "/keepers/a2/", "/keepers/b2/"}]


def test_update_without_tracking_purges_the_new_paths(register, outlet, keepers):
    register(Keeper, track_changes=False)

    Keeper.objects.filter(slug="a").update(slug="x")

    assert outlet.paths == [{"/keepers/x/"}]


def test_update_of_other_fields_costs_and_purges_nothing(
    register, outlet, keepers, django_assert_num_queries
):
    register(Keeper, fields=["slug"])

    with django_assert_num_queries(1):
        Keeper.objects.update(name="x")

    assert outlet.sent == []


def test_update_of_the_fields_purges_only_rows_that_change(register, outlet, keepers):
    register(Keeper, fields=["slug"])

    Keeper.objects.update(slug="a")

    assert outlet.paths == [{f"/keepers/{slug}/" for slug in "abc"}]
    outlet.clear()
    Keeper.objects.update(slug="a")
    assert outlet.sent == []


def test_update_of_a_filter_over_a_relation_counts_each_row_once(register, outlet, settings):
    settings.DUMPER_BULK_LIMIT = 1
    register(Keeper)
    ann = Keeper.objects.create(slug="ann")
    for slug in "xyz":
        Animal.objects.create(name=slug, slug=slug, keeper=ann)
    outlet.clear()

    Keeper.objects.filter(animals__name__in="xyz").update(slug="bob")

    assert outlet.paths == [{"/keepers/ann/", "/keepers/bob/"}]


def test_update_of_ordered_and_annotated_querysets(register, outlet, keepers):
    register(Keeper)

    rows = Keeper.objects.annotate(up=Upper("name")).order_by("-up").update(slug=F("up"))

    assert rows == 3
    assert outlet.paths == [{f"/keepers/{slug}/" for slug in "abcABC"}]


def test_update_of_the_key_purges_the_row_under_its_new_key(register, outlet):
    register(Ticket, paths=lambda ticket: [f"/tickets/{ticket.pk}/"])
    old = Ticket.objects.create(number="1").pk
    outlet.clear()

    Ticket.objects.update(id="00000000-0000-0000-0000-000000000001")

    assert outlet.paths == [{f"/tickets/{old}/", "/tickets/00000000-0000-0000-0000-000000000001/"}]


def test_update_of_the_key_by_an_expression_purges_broadly(register, outlet):
    register(Ticket, bulk=["tickets"], paths=lambda ticket: [])
    Ticket.objects.create(number="1")
    outlet.clear()

    Ticket.objects.update(id=Value(UUID(int=1)))

    assert outlet.sent == [PurgeBatch(tags=frozenset({"tickets"}))]


def test_update_of_more_rows_than_a_query_can_name(register, outlet, keepers, monkeypatch):
    monkeypatch.setattr(type(connection.features), "max_query_params", 4)
    register(Keeper)

    assert Keeper.objects.update(slug="x") == 3

    assert outlet.paths == [{f"/keepers/{slug}/" for slug in "abcx"}]


def test_update_that_reaches_other_rows_than_were_read_purges_broadly(
    register, outlet, keepers, monkeypatch
):
    monkeypatch.setattr(type(connection.features), "max_query_params", 4)
    monkeypatch.setattr(querysets, "keys", lambda queryset: [1, 2, 3, 4])
    register(Keeper)

    Keeper.objects.update(slug="x")

    assert [batch.everything for batch in outlet.sent] == [True]


def test_update_that_django_refuses_is_refused_as_before(register, keepers):
    register(Keeper)

    with pytest.raises(TypeError, match="slice"):
        Keeper.objects.all()[:1].update(slug="x")
    with pytest.raises(Exception, match="nonsense"):
        Keeper.objects.update(nonsense=1)


def test_update_of_nothing_sends_nothing(register, outlet):
    register(Keeper)

    assert Keeper.objects.update(slug="x") == 0
    assert Keeper.objects.none().update(slug="x") == 0

    assert outlet.sent == []


def test_update_empties_the_results_that_were_read(register, keepers):
    register(Keeper)
    queryset = Keeper.objects.filter(slug="a")
    assert len(queryset) == 1

    queryset.update(slug="x")

    assert len(queryset) == 0


def test_update_of_a_parent_concerns_registered_children_and_the_reverse(register, outlet):
    register(Cage)
    Cage.objects.create(slug="a")
    outlet.clear()

    Place.objects.update(slug="b")
    Cage.objects.update(slug="c")

    assert outlet.paths == [{"/places/a/", "/places/b/"}, {"/places/b/", "/places/c/"}]


def test_update_of_a_child_of_a_registered_parent(register, outlet):
    register(Place)
    Aviary.objects.create(slug="a")
    outlet.clear()

    Aviary.objects.update(slug="b")
    QuietAnimal.objects.update(slug="b")

    assert outlet.paths == [{"/aviaries/a/", "/aviaries/b/"}]


def test_a_large_update_purges_what_is_declared(register, outlet, keepers, settings, caplog):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper, bulk=[Prefix("/keepers/"), "keepers", "/", "https://m.example/k/"])

    with caplog.at_level(logging.WARNING, "dumper.collect"):
        assert Keeper.objects.update(slug="x") == 3

    assert outlet.sent == [
        PurgeBatch(
            prefixes=frozenset({"/keepers/"}),
            tags=frozenset({"keepers"}),
            paths=frozenset({"/"}),
            urls=frozenset({"https://m.example/k/"}),
        )
    ]
    assert "update() of zoo.Keeper touched 3 rows or more" in caplog.text


def test_a_large_update_of_an_undeclared_model_purges_everything(
    register, outlet, keepers, settings
):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper)

    Keeper.objects.update(slug="x")

    assert outlet.sent == [PurgeBatch(everything=True)]


def test_a_large_update_reads_no_rows(register, keepers, settings, django_assert_num_queries):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper)

    with transaction.atomic(), django_assert_num_queries(2):
        Keeper.objects.update(slug="x")


def test_a_strict_error_in_an_update_rolls_it_back(register, outlet, keepers):
    register(Keeper, paths=lambda keeper: None if keeper.slug == "x" else [])

    with pytest.raises(DependentsError, match="it returned None"):
        Keeper.objects.update(slug="x")

    assert Keeper.objects.filter(slug="x").count() == 0
    assert outlet.sent == []


# bulk_update()


def test_bulk_update_purges_old_and_new_paths(register, outlet, keepers):
    register(Keeper)
    objs = list(Keeper.objects.exclude(slug="c"))
    for keeper in objs:
        keeper.slug += "2"

    assert Keeper.objects.bulk_update(objs, ["slug"]) == 2

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/", "/keepers/a2/", "/keepers/b2/"}]


def test_bulk_update_in_small_parts_is_one_batch(register, outlet, keepers):
    register(Keeper)
    objs = list(Keeper.objects.all())

    Keeper.objects.bulk_update((keeper for keeper in objs), ["slug"], batch_size=1)

    assert outlet.paths == [{f"/keepers/{slug}/" for slug in "abc"}]


def test_bulk_update_of_other_fields_purges_nothing(register, outlet, keepers):
    register(Keeper, fields=["slug"])

    Keeper.objects.bulk_update(list(Keeper.objects.all()), ["name"])

    assert outlet.sent == []


def test_a_large_bulk_update_in_small_parts_purges_what_is_declared_once(
    register, outlet, keepers, settings, caplog
):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper, bulk=["keepers"])

    Keeper.objects.bulk_update(list(Keeper.objects.all()), ["slug"], batch_size=1)

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]
    assert len(caplog.records) == 1


# bulk_create()


def test_bulk_create_purges_the_paths_of_the_rows(register, outlet):
    register(Keeper)

    created = Keeper.objects.bulk_create(Keeper(slug=slug) for slug in "ab")

    assert [keeper.slug for keeper in created] == ["a", "b"]
    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_bulk_create_of_a_proxy_of_a_registered_model(register, outlet):
    register(Animal)

    QuietAnimal.objects.bulk_create([QuietAnimal(name="owl", slug="owl")])

    assert outlet.paths == [{"/animals/owl/"}]


def test_bulk_create_through_the_model_purges_a_registered_proxy(register, outlet):
    register(QuietAnimal)

    Animal.objects.bulk_create([Animal(name="owl", slug="owl")])

    assert outlet.paths == [{"/animals/owl/"}]


def test_bulk_create_reads_expressions_and_generated_columns(register, outlet):
    register(Keeper)
    register(Ticket)

    Keeper.objects.bulk_create([Keeper(slug=Upper(Value("ann")))])
    Ticket.objects.bulk_create([Ticket(number="1")])

    assert outlet.paths == [{"/keepers/ANN/"}, {"/tickets/monday-1/"}]


def test_bulk_create_that_ignores_conflicts_finds_rows_by_what_is_unique(register, outlet):
    register(Animal, paths=lambda animal: [f"/animals/{animal.pk}/{animal.name}/"])
    fox = Animal.objects.create(name="fox", slug="fox")
    outlet.clear()

    Animal.objects.bulk_create(
        [Animal(name="new fox", slug="fox"), Animal(name="owl", slug="owl")],
        ignore_conflicts=True,
    )

    owl = Animal.objects.get(name="owl")
    assert outlet.paths == [{f"/animals/{fox.pk}/fox/", f"/animals/{owl.pk}/owl/"}]


def test_bulk_create_finds_rows_by_several_columns(register, outlet):
    register(Shift, paths=lambda shift: [f"/shifts/{shift.pk}/{shift.day}/"])
    ann = Keeper.objects.create(slug="ann")
    fox = Animal.objects.create(name="fox", slug="fox")
    first = Shift.objects.create(animal=fox, keeper=ann)
    outlet.clear()

    Shift.objects.bulk_create(
        [Shift(animal=fox, keeper=ann), Shift(animal=fox, keeper=ann, day="friday")],
        ignore_conflicts=True,
    )

    second = Shift.objects.get(day="friday")
    assert outlet.paths == [{f"/shifts/{first.pk}/monday/", f"/shifts/{second.pk}/friday/"}]


def test_bulk_create_of_rows_that_cannot_be_found_again_purges_broadly(register, outlet):
    register(Keeper, bulk=["keepers"])

    Keeper.objects.bulk_create([Keeper(slug="a")], ignore_conflicts=True)

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]


def test_bulk_create_that_updates_conflicts_purges_what_it_overwrites(register, outlet):
    register(Animal, paths=lambda animal: [f"/animals/{animal.name}/"])
    Animal.objects.create(name="fox", slug="fox")
    outlet.clear()

    Animal.objects.bulk_create(
        [Animal(name="wolf", slug="fox"), Animal(name="owl", slug="owl")],
        update_conflicts=True,
        update_fields=["name"],
        unique_fields=["slug"],
    )

    assert outlet.paths == [{"/animals/fox/", "/animals/wolf/", "/animals/owl/"}]


def test_bulk_create_that_updates_by_key_purges_what_it_overwrites(register, outlet):
    register(Keeper)
    ann = Keeper.objects.create(slug="ann")
    outlet.clear()

    Keeper.objects.bulk_create(
        [Keeper(pk=ann.pk, slug="bob")],
        update_conflicts=True,
        update_fields=["slug"],
        unique_fields=["pk"],
    )

    assert outlet.paths == [{"/keepers/ann/", "/keepers/bob/"}]


def test_bulk_create_over_rows_that_only_the_database_finds_purges_what_is_declared(
    register, outlet
):
    register(Animal, bulk=["animals"])
    Animal.objects.create(name="fox", slug="FOX")
    outlet.clear()

    Animal.objects.bulk_create(
        [Animal(name="wolf", slug=Upper(Value("fox")))],
        update_conflicts=True,
        update_fields=["name"],
        unique_fields=["slug"],
    )

    (batch,) = outlet.sent
    assert batch.tags == {"animals"}


def test_a_large_bulk_create_purges_what_is_declared(register, outlet, settings):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper, bulk=["keepers"])

    Keeper.objects.bulk_create(Keeper(slug=slug) for slug in "abc")

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]


def test_a_refused_bulk_create_purges_nothing(register, outlet):
    register(Animal)

    with pytest.raises(IntegrityError):
        Animal.objects.bulk_create([Animal(name="a", slug="a"), Animal(name="b", slug="a")])
    with pytest.raises(ValueError, match="inherited"):
        register(Place)
        Cage.objects.bulk_create([Cage(slug="a")])

    assert outlet.sent == []


def test_unregistered_models_cost_nothing(register, outlet, django_assert_num_queries):
    register(Keeper)

    with transaction.atomic(), django_assert_num_queries(1):
        Visitor.objects.bulk_create([Visitor(name="Eve")])
    with django_assert_num_queries(1):
        Visitor.objects.update(name="Eva")

    assert outlet.sent == []


def test_the_methods_look_as_django_made_them(register):
    register(Keeper)

    for name in ("update", "bulk_update", "bulk_create"):
        method = getattr(QuerySet, name)
        assert method.alters_data
        assert method.__name__ == name
        assert method.__doc__
        assert inspect.signature(method) == inspect.signature(method.__wrapped__)
    assert hasattr(Keeper.objects, "bulk_create")
