"""Deletions: of rows, by querysets, in cascades."""

import django
import pytest
from django.db import transaction
from django.db.models.signals import pre_delete

from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import DependentsError
from tests.zoo import models as zoo
from tests.zoo.models import (
    Animal,
    Aviary,
    Cage,
    Keeper,
    Place,
    QuietAnimal,
    Sign,
    Ticket,
    Visit,
    Visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return Keeper.objects.create(name="Ann", slug="ann")


@pytest.fixture
def fox(ann):
    return Animal.objects.create(name="fox", slug="fox", keeper=ann)


def test_a_deleted_row_purges_its_path_after_it_is_gone(register, outlet, monkeypatch):
    register(Ticket)
    ticket = Ticket.objects.create(number="7")
    outlet.clear()
    left = []
    monkeypatch.setattr(
        outlet, "deliver", lambda batch, **_: left.append((Ticket.objects.count(), batch))
    )

    ticket.delete()

    assert left == [(0, PurgeBatch(paths=frozenset({"/tickets/monday-7/"})))]


def test_the_path_is_that_of_the_row_not_of_the_instance(register, outlet, fox):
    register(Keeper)
    keeper = Keeper.objects.get()

    keeper.slug = "unsaved"
    keeper.delete()

    assert outlet.paths == [{"/keepers/ann/"}]


def test_a_queryset_delete_and_a_fast_one_are_seen(register, outlet):
    register(Ticket)
    Ticket.objects.create(number="1")
    Ticket.objects.create(number="2")
    outlet.clear()

    Ticket.objects.filter(number__in="12").delete()

    assert outlet.paths == [{"/tickets/monday-1/", "/tickets/monday-2/"}]


def test_a_registered_model_is_still_deleted_by_one_query(
    register, django_assert_num_queries, monkeypatch
):
    register(Ticket)
    for number in range(10):
        Ticket.objects.create(number=str(number))

    with transaction.atomic(), django_assert_num_queries(3) as captured:
        Ticket.objects.all().delete()

    assert [query["sql"].split()[0] for query in captured.captured_queries] == [
        "SELECT", "SELECT", "DELETE",
    ]  # fmt: skip


def test_unrelated_models_are_still_deleted_fast(register, django_assert_num_queries):
    register(Animal)
    Visit.objects.create(visitor=Visitor.objects.create(name="Eve"))

    with transaction.atomic(), django_assert_num_queries(3):
        Visitor.objects.all().delete()
    with transaction.atomic(), django_assert_num_queries(1):
        Visit.objects.all().delete()


def test_a_cascade_is_seen(register, outlet, ann):
    register(Sign)
    Sign.objects.create(text="a", owner=ann)
    Sign.objects.create(text="b")
    outlet.clear()

    ann.delete()

    assert outlet.paths == [{"/signs/a/owned/None/"}]


def test_set_null_purges_the_pages_of_before_and_after(register, outlet, ann, fox):
    register(Animal)

    ann.delete()

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/"}]


def test_set_with_a_function_purges_the_pages_of_before_and_after(register, outlet, ann):
    register(Sign)
    Sign.objects.create(text="a", painter=ann)
    outlet.clear()

    ann.delete()

    assert outlet.paths == [{"/signs/a/None/painted/", "/signs/a/None/None/"}]


def test_deleting_a_child_purges_what_the_parent_registered(register, outlet):
    register(Place)
    cage = Cage.objects.create(slug="a")
    aviary = Aviary.objects.create(slug="b")
    outlet.clear()

    cage.delete()
    aviary.delete()

    assert outlet.paths == [{"/places/a/"}, {"/aviaries/b/", "/places/b/"}]


def test_deleting_the_parent_purges_what_the_child_registered(register, outlet):
    register(Cage)
    Cage.objects.create(slug="a")
    outlet.clear()

    Place.objects.all().delete()

    assert outlet.paths == [{"/places/a/"}]


def test_keeping_the_parent_purges_its_page(register, outlet):
    register(Place)
    cage = Cage.objects.create(slug="a")
    outlet.clear()

    cage.delete(keep_parents=True)

    assert outlet.paths == [{"/places/a/"}]
    assert Place.objects.count() == 1


def test_deleting_through_a_proxy_is_seen(register, outlet, fox):
    register(Animal)

    QuietAnimal.objects.all().delete()

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/"}]


def test_deletions_are_seen_without_tracking_and_with_fields(register, outlet, fox):
    register(Animal, track_changes=False, fields=["slug"])

    fox.delete()

    assert outlet.paths == [{"/animals/fox/", "/keepers/ann/"}]


def test_a_receiver_that_changes_the_row_first_does_not_hide_its_old_path(register, outlet, ann):
    register(Keeper)

    def rename(instance, **kwargs):
        Keeper.objects.filter(pk=instance.pk).update(slug="gone")

    pre_delete.connect(rename, sender=Keeper)
    try:
        ann.delete()
    finally:
        pre_delete.disconnect(rename, sender=Keeper)

    assert outlet.paths == [{"/keepers/ann/", "/keepers/gone/"}]


def test_a_rolled_back_deletion_purges_nothing(register, outlet, ann):
    register(Keeper)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ann.delete()
        1 / 0

    assert outlet.sent == []
    assert Keeper.objects.count() == 1


def test_a_strict_error_prevents_the_deletion(register, outlet, ann):
    register(Keeper, paths=lambda keeper: None)

    with pytest.raises(DependentsError):
        ann.delete()

    assert Keeper.objects.count() == 1
    assert outlet.sent == []


def test_a_large_deletion_purges_what_is_declared(register, outlet, settings, caplog):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper, bulk=["keepers"])
    Keeper.objects.bulk_create(Keeper(slug=str(n)) for n in range(2))
    Keeper.objects.create(slug="2")
    outlet.clear()

    Keeper.objects.all().delete()

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]
    assert "zoo.Keeper" in caplog.text
    assert "DUMPER_BULK_LIMIT" in caplog.text


def test_a_deletion_that_changes_many_other_rows_purges_what_is_declared(
    register, outlet, settings, ann
):
    settings.DUMPER_BULK_LIMIT = 1
    register(Sign, bulk=["signs"])
    Sign.objects.create(text="a", painter=ann)
    Sign.objects.create(text="b", painter=ann)
    outlet.clear()

    ann.delete()

    assert outlet.sent == [PurgeBatch(tags=frozenset({"signs"}))]


def test_a_deletion_that_changes_other_fields_purges_nothing(register, outlet, ann):
    register(Sign, fields=["text"])
    Sign.objects.create(text="a", painter=ann)
    outlet.clear()

    ann.delete()

    assert outlet.sent == []


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django 6.1 brought DB_CASCADE")
def test_what_the_database_deletes_and_changes_itself_is_seen(register, outlet, settings):
    register(zoo.Grazer)
    register(zoo.Calf)
    register(zoo.Bell)
    herd = zoo.Herd.objects.create(name="h")
    cow = zoo.Grazer.objects.create(name="cow", herd=herd)
    zoo.Calf.objects.create(name="calf", mother=cow)
    zoo.Bell.objects.create(herd=herd)
    zoo.Grazer.objects.create(name="free")
    outlet.clear()

    herd.delete()

    assert outlet.paths == [{"/grazers/cow/", "/calves/calf/", "/bells/tied/", "/bells/loose/"}]
    assert zoo.Calf.objects.count() == 0


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django 6.1 brought DB_CASCADE")
def test_what_the_database_deletes_after_a_large_deletion_is_purged_broadly(
    register, outlet, settings
):
    settings.DUMPER_BULK_LIMIT = 1
    register(zoo.Calf, bulk=["calves"])
    for name in "ab":
        cow = zoo.Grazer.objects.create(name=name, herd=zoo.Herd.objects.create(name=name))
    zoo.Calf.objects.create(name="calf", mother=cow)
    outlet.clear()

    zoo.Herd.objects.all().delete()

    assert outlet.sent == [PurgeBatch(tags=frozenset({"calves"}))]
