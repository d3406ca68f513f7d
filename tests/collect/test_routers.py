"""Sites of several databases: dependents are those of the database that was written."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from tests.zoo.models import Animal, Food, Keeper, Sign

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


class Replica:
    """Reads from one database what is written to another."""

    def db_for_read(self, model, **hints):
        return "other"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *args, **hints):
        return True


class Apart:
    """Keeps the keepers in a database of their own, into which this site may not write."""

    def db_for_read(self, model, **hints):
        return "other" if model is Keeper else "default"

    def db_for_write(self, model, **hints):
        if model is Keeper:
            raise RuntimeError("read only")
        return "default"

    def allow_relation(self, *args, **hints):
        return True


@pytest.mark.parametrize("track_changes", [True, False])
def test_relations_are_read_where_the_write_went(register, outlet, settings, track_changes):
    register(Animal, track_changes=track_changes)
    settings.DATABASE_ROUTERS = [Replica()]

    with transaction.atomic(using="default"):
        ann = Keeper.objects.create(slug="ann")
        Animal.objects.create(name="fox", slug="fox", keeper_id=ann.pk)
        Animal.objects.bulk_create([Animal(name="owl", slug="owl", keeper=ann)])

    assert outlet.paths == [{"/animals/fox/", "/animals/owl/", "/keepers/ann/"}]


def test_many_to_many_relations_are_read_where_the_write_went(register, outlet, settings):
    register(Food, paths=lambda food: [f"/animals/{animal.slug}/" for animal in food.eaters.all()])
    settings.DATABASE_ROUTERS = [Replica()]
    fox = Animal.objects.create(name="fox", slug="fox")
    hay = Food.objects.create(name="hay")

    fox.foods.add(hay)

    assert outlet.paths == [{"/animals/fox/"}]


def test_reads_of_others_go_where_the_router_says(register, outlet, settings):
    register(Sign, paths=lambda sign: [f"/keepers/{sign.painter.slug}/"])
    Keeper.objects.using("other").create(pk=7, slug="ann")
    settings.DATABASE_ROUTERS = [Apart()]

    Sign.objects.create(painter_id=7)

    assert outlet.paths == [{"/keepers/ann/"}]


def test_content_types_are_those_of_the_database_of_the_row(register, outlet):
    register(Animal)
    ContentType.objects.all().delete()
    ContentType.objects.using("other").all().delete()
    ContentType.objects.clear_cache()
    ContentType.objects.create(app_label="some", model="thing")
    fox = Animal.objects.using("other").create(name="fox", slug="fox")
    outlet.clear()

    note = fox.notes.create(text="hello")

    default = ContentType.objects.get_for_model(Animal).pk
    assert note.content_type_id != default
    assert outlet.paths == [{"/animals/fox/"}]
