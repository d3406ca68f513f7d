"""Registering models, and what cannot be registered."""

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.deletion import Collector
from django.test.utils import isolate_apps

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import registering, registry, watching
from dumper_purge.collect.plans import plan_for
from dumper_purge.collect.registering import unregister
from tests.zoo.models import Animal, Cage, Food, Keeper, Place, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_register_returns_the_model_and_is_a_decorator_with_and_without_options(register):
    assert register(Keeper) is Keeper
    assert register(fields=["slug"])(Keeper) is Keeper
    assert registry.find(Keeper).fields == {"slug"}


def test_registering_twice_is_harmless(register, outlet):
    register(Keeper)
    register(Keeper)

    Keeper.objects.create(slug="a")

    assert outlet.paths == [{"/keepers/a/"}]


def test_starting_twice_watches_once():
    watching.start()
    watching.start()

    assert not hasattr(Collector.delete.__wrapped__, "__wrapped__")
    assert not hasattr(models.QuerySet.update.__wrapped__, "__wrapped__")


def test_unregister_ends_it_and_is_harmless_twice(register, outlet):
    register(Keeper)
    Keeper.objects.create(slug="a")
    unregister(Keeper)
    unregister(Keeper)

    Keeper.objects.create(slug="b")

    assert outlet.paths == [{"/keepers/a/"}]


def test_a_model_that_one_does_not_own_takes_functions(register, outlet):
    register(Visitor, paths=lambda visitor: [f"/v/{visitor.name}/"], tags=lambda visitor: ["v"])

    Visitor.objects.create(name="eve")

    assert outlet.sent == [
        PurgeBatch(paths=frozenset({"/v/eve/"}), tags=frozenset({"v"})),
    ]


def test_a_function_takes_the_place_of_the_method(register, outlet):
    register(Keeper, paths=lambda keeper: ["/other/"])

    Keeper.objects.create(slug="a")

    assert outlet.paths == [{"/other/"}]


@pytest.mark.parametrize("value", [None, 5, "zoo.Keeper", object, Keeper.objects])
def test_what_is_no_model_is_an_error(register, value):
    if value is None:
        return
    with pytest.raises(ImproperlyConfigured, match="no model"):
        register(value)


@isolate_apps("tests.zoo")
def test_an_abstract_model_is_an_error(register):
    class Abstract(models.Model):
        def dependent_paths(self):
            return []

        class Meta:
            abstract = True

    with pytest.raises(ImproperlyConfigured, match=r"register\(Abstract\).*abstract"):
        register(Abstract)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"register\(Visitor\): nothing names its pages"),
        ({"paths": ["/a/"]}, r"paths=\['/a/'\].*function"),
        ({"paths": str, "fields": "name"}, r"fields='name'.*\['name'\]"),
        ({"paths": str, "fields": ["nam"]}, r"fields=\['nam'\].*no such field"),
        ({"paths": str, "bulk": "tag"}, r"bulk='tag'.*\['tag'\]"),
        ({"paths": str, "bulk": []}, r"bulk=\[\].*nothing"),
        ({"paths": str, "bulk": ["a b"]}, r"'a b' cannot be sent"),
        ({"paths": str, "bulk": ["//x"]}, r"'//x' names a host"),
    ],
)
def test_wrong_options_are_errors_that_name_value_and_remedy(register, options, message):
    with pytest.raises(ImproperlyConfigured, match=message):
        register(Visitor, **options)

    assert registry.find(Visitor) is None


def test_a_method_that_is_none_is_an_error(register, monkeypatch):
    monkeypatch.setattr(Visitor, "dependent_paths", ["/a/"], raising=False)

    with pytest.raises(ImproperlyConfigured, match="dependent_paths"):
        register(Visitor)


def test_fields_are_checked_later_while_models_are_still_loading(register, monkeypatch):
    with monkeypatch.context() as loading:
        loading.setattr(apps, "models_ready", False)
        register(Keeper, fields=["nonsense"])

    (error,) = registering.check()
    assert str(error).startswith("register(Keeper, fields=['nonsense']): zoo.Keeper has no such")


def test_every_kind_of_field_may_be_named(register):
    names = ["name", "keeper", "keeper_id", "foods", "notes", "pk", "keepers"]

    register(Animal, fields=names)

    assert registering.check() == []


def test_a_child_that_is_defined_later_is_seen(register):
    register(Place)
    assert plan_for(Cage) is not None
    with isolate_apps("tests.zoo"):

        class Terrarium(Place):
            class Meta:
                app_label = "zoo"

        assert plan_for(Terrarium).rules
    Place.__subclasses__()


def test_nothing_is_known_of_unrelated_models(register):
    register(Animal)

    assert plan_for(Visitor) is None
    assert plan_for(Food) is None
    assert plan_for(Animal.foods.through) is not None
