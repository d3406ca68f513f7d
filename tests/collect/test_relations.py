"""Many-to-many relations from either side, and generic ones."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from tests.zoo.models import Animal, Food, Keeper, Note, QuietAnimal, Shift, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fox():
    return Animal.objects.create(name="fox", slug="fox")


@pytest.fixture
def owl():
    return Animal.objects.create(name="owl", slug="owl")


@pytest.fixture
def hay():
    return Food.objects.create(name="hay")


def with_foods(animal):
    foods = "+".join(sorted(food.name for food in animal.foods.all()))
    return [f"/animals/{animal.slug}/{foods}/"]


def test_add_remove_set_and_clear_purge_what_was_and_what_is(register, outlet, fox, hay):
    register(Animal, paths=with_foods)
    nut = Food.objects.create(name="nut")

    fox.foods.add(hay)
    fox.foods.remove(hay)
    fox.foods.set([nut])
    fox.foods.clear()

    assert outlet.paths == [
        {"/animals/fox//", "/animals/fox/hay/"},
        {"/animals/fox//", "/animals/fox/hay/"},
        {"/animals/fox//", "/animals/fox/nut/"},
        {"/animals/fox//", "/animals/fox/nut/"},
    ]


def test_the_other_side_is_seen(register, outlet, fox, owl, hay):
    register(Animal, paths=with_foods)

    hay.eaters.add(fox, owl)
    hay.eaters.set([fox])
    hay.eaters.clear()

    assert outlet.paths == [
        {"/animals/fox//", "/animals/fox/hay/", "/animals/owl//", "/animals/owl/hay/"},
        {"/animals/owl//", "/animals/owl/hay/"},
        {"/animals/fox//", "/animals/fox/hay/"},
    ]


def test_both_sides_registered_purge_both(register, outlet, fox, hay):
    register(Animal)
    register(Food)

    fox.foods.add(hay)

    assert outlet.paths == [{"/animals/fox/", "/foods/hay/"}]


def test_a_symmetrical_relation_purges_both_ends(register, outlet, fox, owl):
    register(Animal)

    fox.friends.add(owl)

    assert outlet.paths == [{"/animals/fox/", "/animals/owl/"}]


def test_deleting_the_other_end_counts_as_removal(register, outlet, fox, owl, hay):
    fox.foods.add(hay)
    register(Animal, paths=with_foods)

    hay.delete()

    assert outlet.paths == [{"/animals/fox/hay/", "/animals/fox//"}]


def test_a_queryset_delete_of_the_other_end_counts_as_removal(register, outlet, fox, owl, hay):
    fox.foods.add(hay)
    register(Animal, paths=with_foods)

    Food.objects.all().delete()

    assert outlet.paths == [{"/animals/fox/hay/", "/animals/fox//"}]


def test_an_add_of_what_is_there_is_harmless(register, outlet, fox, hay):
    register(Animal)
    fox.foods.add(hay)
    outlet.clear()

    fox.foods.add(hay)

    assert outlet.paths in ([], [{"/animals/fox/"}])


def test_a_through_model_is_seen_when_saved_updated_and_deleted(register, outlet, fox, owl):
    register(Animal)
    ann = Keeper.objects.create(slug="ann")

    shift = Shift.objects.create(animal=fox, keeper=ann)
    shift.animal = owl
    shift.save()
    Shift.objects.update(animal=fox)
    Shift.objects.bulk_create([Shift(animal=owl, keeper=ann)])
    shift.delete()
    Shift.objects.all().delete()

    assert outlet.paths == [
        {"/animals/fox/"},
        {"/animals/fox/", "/animals/owl/"},
        {"/animals/fox/", "/animals/owl/"},
        {"/animals/owl/"},
        {"/animals/fox/"},
        {"/animals/owl/"},
    ]


def test_a_through_model_works_without_tracking(register, outlet, fox, owl):
    register(Animal, track_changes=False)
    shift = Shift.objects.create(animal=fox, keeper=Keeper.objects.create(slug="ann"))
    outlet.clear()

    shift.animal = owl
    shift.save()

    assert outlet.paths == [{"/animals/fox/", "/animals/owl/"}]


def test_through_defaults_and_the_managers_of_a_custom_relation(register, outlet, fox):
    register(Animal)
    ann = Keeper.objects.create(slug="ann")

    fox.keepers.add(ann, through_defaults={"day": "friday"})
    ann.charges.clear()

    assert outlet.paths == [{"/animals/fox/"}, {"/animals/fox/"}]


def test_a_set_is_one_batch(register, outlet, fox, hay):
    fox.foods.add(hay)
    register(Animal, paths=with_foods)

    fox.foods.set([Food.objects.create(name="nut"), Food.objects.create(name="corn")])

    assert outlet.paths == [
        {"/animals/fox/hay/", "/animals/fox//", "/animals/fox/corn+nut/"},
    ]


def test_fields_may_name_relations(register, outlet, fox, owl, hay):
    register(Animal, fields=["foods"])

    fox.friends.add(owl)
    fox.save()
    assert outlet.sent == []

    fox.foods.add(hay)
    assert outlet.paths == [{"/animals/fox/"}]


@pytest.mark.parametrize("name", ["eaters"])
def test_fields_may_name_the_relation_of_the_other_model(register, outlet, fox, hay, name):
    register(Food, fields=[name])

    fox.foods.add(hay)

    assert outlet.paths == [{"/foods/hay/"}]


def test_a_reverse_foreign_key_manager_is_seen(register, outlet, fox, owl):
    register(Animal)
    ann = Keeper.objects.create(slug="ann")

    ann.animals.add(fox)
    ann.animals.set([owl])
    ann.animals.clear()

    assert outlet.paths == [
        {"/animals/fox/", "/keepers/ann/"},
        {"/animals/fox/", "/animals/owl/", "/keepers/ann/"},
        {"/animals/owl/", "/keepers/ann/"},
    ]


# Generic relations


def test_a_registered_model_with_a_generic_foreign_key_is_seen(register, outlet, fox, owl):
    register(Note)

    note = Note.objects.create(text="a", about=fox)
    fox.notes.create(text="b")
    owl.notes.add(note)
    fox.notes.all().update(text="c")
    fox.delete()

    assert outlet.paths == [
        {"/notes/a/"},
        {"/notes/b/"},
        {"/notes/a/"},
        {"/notes/b/", "/notes/c/"},
        {"/notes/c/"},
    ]


def test_a_registered_model_with_a_generic_relation_is_seen(register, outlet, fox, owl):
    register(Animal)

    note = fox.notes.create(text="a")
    owl.notes.add(note)
    note.delete()
    Note.objects.create(text="of another model", about=Visitor.objects.create(name="Eve"))

    assert outlet.paths == [
        {"/animals/fox/"},
        {"/animals/fox/", "/animals/owl/"},
        {"/animals/owl/"},
    ]


def test_a_relation_inside_a_transaction_waits_for_the_commit(register, outlet, fox, hay):
    register(Animal)

    with transaction.atomic():
        fox.foods.add(hay)
        fox.foods.clear()
        assert outlet.sent == []

    assert outlet.paths == [{"/animals/fox/"}]


def test_a_relation_of_a_registered_proxy_and_of_a_registered_child_is_seen(
    register, outlet, fox, hay
):
    register(QuietAnimal)

    fox.foods.add(hay)

    assert outlet.paths == [{"/animals/fox/"}]


def test_fields_may_name_a_generic_foreign_key(register, outlet, fox, owl):
    register(Note, fields=["about"])
    note = Note.objects.create(text="a", about=fox)
    outlet.clear()

    note.text = "b"
    note.save()
    assert outlet.sent == []

    note.about = owl
    note.save()
    assert outlet.paths == [{"/notes/b/"}]


def test_a_generic_key_that_fits_no_row_is_harmless(register, outlet, fox):
    register(Animal)
    animals = ContentType.objects.get_for_model(Animal)

    Note.objects.create(text="a", content_type=animals, object_id="no number")

    assert outlet.sent == []
