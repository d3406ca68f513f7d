"""Purging by word."""

import pytest
from django.db import transaction

from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.collect.purges import (
    purge_everything,
    purge_objects,
    purge_paths,
    purge_prefixes,
    purge_tags,
)
from dumper_purge.collect.scope import collecting
from dumper_purge.exceptions import DependentsError, InvalidDependent
from tests.zoo.models import Animal, Keeper, Visitor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: purge_paths("/a/", "/b/"),
        lambda: purge_paths(["/a/", "/b/"]),
        lambda: purge_paths(path for path in ("/a/", "/b/")),
    ],
)
def test_paths_one_by_one_or_as_one_iterable(outlet, call):
    call()

    assert outlet.sent == [PurgeBatch(paths=frozenset({"/a/", "/b/"}))]


def test_a_path_is_never_taken_apart(outlet):
    purge_paths("/abc/")

    assert outlet.sent == [PurgeBatch(paths=frozenset({"/abc/"}))]


def test_paths_may_be_any_dependent(outlet):
    purge_paths("https://Example.com/x", Prefix("/p/"), Pattern("/x/[0-9]+/"))

    assert outlet.sent == [
        PurgeBatch(
            urls=frozenset({"https://example.com/x"}),
            prefixes=frozenset({"/p/"}),
            patterns=frozenset({"/x/[0-9]+/"}),
        )
    ]


def test_tags_prefixes_and_everything(outlet):
    purge_tags("a", "b")
    purge_prefixes("/p/", "/q/")
    purge_prefixes([Prefix("/r/")])
    purge_everything()

    assert outlet.sent == [
        PurgeBatch(tags=frozenset({"a", "b"})),
        PurgeBatch(prefixes=frozenset({"/p/", "/q/"})),
        PurgeBatch(prefixes=frozenset({"/r/"})),
        PurgeBatch(everything=True),
    ]


@pytest.mark.parametrize("call", [purge_paths, purge_tags, purge_prefixes])
def test_nothing_to_purge_sends_nothing(outlet, call):
    call()
    call([])

    assert outlet.sent == []


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (purge_paths, "news/"),
        (purge_paths, "//host/"),
        (purge_paths, "/a\n/"),
        (purge_paths, "/a\x00/"),
        (purge_paths, "ftp://host/"),
        (purge_paths, None),
        (purge_paths, b"/a/"),
        (purge_paths, 5),
        (purge_tags, "a b"),
        (purge_tags, ""),
        (purge_prefixes, ""),
        (purge_prefixes, "news"),
    ],
)
def test_unfit_values_are_errors_and_nothing_is_half_done(outlet, call, value):
    good = "tag" if call is purge_tags else "/good/"
    with pytest.raises(ValueError):
        call(good, value)

    assert outlet.sent == []


def test_a_url_of_a_host_that_is_not_known_is_an_error(outlet, settings):
    settings.DUMPER_HOSTS = ["www.example.com"]

    purge_paths("https://www.example.com/")
    with pytest.raises(InvalidDependent, match=r"evil.example.*DUMPER_HOSTS"):
        purge_paths("https://evil.example/")

    assert outlet.sent == [PurgeBatch(urls=frozenset({"https://www.example.com/"}))]


def test_inside_transactions_it_waits_for_all_that_are_open(outlet):
    with transaction.atomic(using="other"):
        with transaction.atomic():
            purge_paths("/a/")
            assert outlet.sent == []
        assert outlet.paths == [{"/a/"}]

    assert outlet.paths == [{"/a/"}, {"/a/"}]


def test_it_may_wait_for_one_database_alone(outlet):
    with transaction.atomic():
        purge_paths("/a/", using="other")
        assert outlet.paths == [{"/a/"}]
        purge_paths("/b/", using="default")
        assert outlet.paths == [{"/a/"}]

    assert outlet.paths == [{"/a/"}, {"/b/"}]


def test_a_rolled_back_transaction_drops_it(outlet):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        purge_everything()
        1 / 0

    assert outlet.sent == []


def test_disabled_purges_nothing(outlet, settings):
    settings.DUMPER_ENABLED = False

    purge_everything()

    assert outlet.sent == []


@pytest.mark.parametrize("using", ["default", None])
def test_manual_mode_purges_at_once_what_is_named(outlet, using):
    transaction.set_autocommit(False)
    try:
        purge_paths("/a/", using=using)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)

    assert outlet.paths == [{"/a/"}]


@pytest.mark.parametrize("using", ["default", None])
def test_manual_mode_in_a_collecting_block_waits_for_its_end(outlet, using):
    with collecting():
        transaction.set_autocommit(False)
        try:
            purge_paths("/a/", using=using)
            assert outlet.sent == []
            transaction.commit()
        finally:
            transaction.set_autocommit(True)

    assert outlet.paths == [{"/a/"}]


# purge_objects()


@pytest.fixture
def keepers(register):
    for slug in "abc":
        Keeper.objects.create(slug=slug)
    register(Keeper)


@pytest.mark.parametrize(
    "objects",
    [
        lambda: Keeper.objects.exclude(slug="c"),
        lambda: Keeper.objects.order_by("slug")[:2],
        lambda: list(Keeper.objects.exclude(slug="c")),
        lambda: Keeper.objects.exclude(slug="c").iterator(),
    ],
)
def test_objects_purge_their_dependents(outlet, keepers, objects):
    purge_objects(objects())

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_one_object_will_do(outlet, keepers):
    purge_objects(Keeper.objects.get(slug="a"))

    assert outlet.paths == [{"/keepers/a/"}]


def test_objects_of_several_models(outlet, keepers, register):
    fox = Animal.objects.create(name="fox", slug="fox")
    register(Animal)

    purge_objects([Keeper.objects.get(slug="a"), fox])

    assert outlet.paths == [{"/keepers/a/", "/animals/fox/"}]


@pytest.mark.parametrize("as_list", [False, True])
def test_too_many_objects_purge_what_is_declared(outlet, keepers, register, settings, as_list):
    settings.DUMPER_BULK_LIMIT = 2
    register(Keeper, bulk=["keepers"])
    objects = Keeper.objects.all()

    purge_objects(list(objects) if as_list else objects)

    assert outlet.sent == [PurgeBatch(tags=frozenset({"keepers"}))]


@pytest.mark.parametrize("objects", [[Visitor(name="Eve")], ["/a/"], [None]])
def test_objects_that_are_not_registered_are_errors(outlet, keepers, objects):
    with pytest.raises(InvalidDependent, match="registered"):
        purge_objects(objects)

    assert outlet.sent == []


def test_objects_whose_dependents_fail_are_errors(outlet, register):
    register(Keeper, paths=lambda keeper: 1 / 0)

    with pytest.raises(DependentsError):
        purge_objects([Keeper(slug="a")])

    assert outlet.sent == []
