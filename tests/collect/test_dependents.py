"""Functions that name dependents, and how they fail, strictly and not."""

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction

from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.exceptions import DependentsError, InvalidDependent
from dumper_purge.signals import purge_failed
from tests.zoo.models import Cage, Keeper, Place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lax(settings):
    settings.DUMPER_STRICT = False


@pytest.fixture
def failures():
    seen = []

    def remember(**kwargs):
        seen.append(kwargs)

    purge_failed.connect(remember)
    yield seen
    purge_failed.disconnect(remember)


def test_every_kind_of_dependent(register, outlet):
    def paths(keeper):
        yield "/é/"
        yield "https://M.example.com/x/"
        yield Prefix("/p/")
        yield Pattern("/x/[0-9]+/")

    register(Keeper, paths=paths, tags=lambda keeper: {"team", f"zoo.keeper:{keeper.slug}"})

    Keeper.objects.create(slug="a")

    assert outlet.sent == [
        PurgeBatch(
            paths=frozenset({"/%C3%A9/"}),
            urls=frozenset({"https://m.example.com/x/"}),
            prefixes=frozenset({"/p/"}),
            patterns=frozenset({"/x/[0-9]+/"}),
            tags=frozenset({"team", "zoo.keeper:a"}),
        )
    ]


@pytest.mark.parametrize("kind", [list, tuple, set, iter, frozenset])
def test_every_kind_of_iterable(register, outlet, kind):
    register(Keeper, paths=lambda keeper: kind(["/a/", "/b/"]))

    Keeper.objects.create()

    assert outlet.paths == [{"/a/", "/b/"}]


def test_no_dependents_send_nothing(register, outlet):
    register(Keeper, paths=lambda keeper: [])

    with transaction.atomic():
        Keeper.objects.create()

    assert outlet.sent == []


def raising(error):
    def paths(keeper):
        yield "/good/"
        raise error

    return paths


BAD = [
    pytest.param(lambda keeper: None, "it returned None", id="None"),
    pytest.param(lambda keeper: "/a/", "it returned '/a/'", id="str"),
    pytest.param(lambda keeper: b"/a/", "it returned b'/a/'", id="bytes"),
    pytest.param(lambda keeper: 5, "not iterable", id="int"),
    pytest.param(raising(KeyError("slug")), "slug", id="raises"),
    pytest.param(raising(ObjectDoesNotExist("gone")), "gone", id="ObjectDoesNotExist"),
    pytest.param(lambda keeper: ["a/"], "no leading slash", id="no slash"),
    pytest.param(lambda keeper: ["/a\r\nX: y"], "control character", id="newline"),
    pytest.param(lambda keeper: [None], "None is no dependent", id="None inside"),
    pytest.param(lambda keeper: ["ftp://example.com/"], "must begin with", id="scheme"),
    pytest.param(lambda keeper: ["https://evil.example/"], "DUMPER_HOSTS", id="host"),
]


@pytest.mark.parametrize(("paths", "message"), BAD)
def test_strictly_the_error_names_model_and_method_and_nothing_stays_unpurged(
    register, outlet, settings, paths, message
):
    settings.DUMPER_HOSTS = ["www.example.com"]
    register(Keeper, paths=paths)

    with pytest.raises(DependentsError, match=message) as raised:
        Keeper.objects.create()

    assert "paths=" in str(raised.value)
    assert "zoo.Keeper" in str(raised.value)
    assert [batch.everything for batch in outlet.sent] == [True]


@pytest.mark.parametrize(("paths", "message"), BAD)
def test_otherwise_the_save_succeeds_and_the_purge_is_broad(
    register, outlet, settings, failures, caplog, paths, message
):
    settings.DUMPER_STRICT = False
    settings.DUMPER_HOSTS = ["www.example.com"]
    register(Keeper, paths=paths, bulk=["keepers"])

    Keeper.objects.create()

    assert Keeper.objects.count() == 1
    assert [batch.tags for batch in outlet.sent] == [{"keepers"}]
    (failure,) = failures
    assert failure["sender"] is Keeper
    assert failure["alias"] == ""
    assert failure["batch"] == PurgeBatch(tags=frozenset({"keepers"}))
    assert message in str(failure["error"])
    (record,) = [record for record in caplog.records if record.name == "dumper.collect"]
    assert record.levelname == "ERROR"
    assert record.exc_info


def test_the_good_values_are_still_purged(register, outlet, lax):
    register(
        Keeper, bulk=["keepers"], paths=lambda keeper: ["/a/", "b/", "/c/"],
        tags=lambda keeper: ["good", "b a d"],
    )  # fmt: skip

    Keeper.objects.create()

    assert outlet.sent == [
        PurgeBatch(paths=frozenset({"/a/", "/c/"}), tags=frozenset({"keepers", "good"}))
    ]


def test_the_methods_name_stands_in_the_message(register, monkeypatch):
    register(Keeper)
    monkeypatch.setattr(Keeper, "dependent_paths", lambda self: None)

    with pytest.raises(DependentsError, match=r"Keeper.dependent_paths\(\) of zoo.Keeper"):
        Keeper.objects.create()


def test_a_database_error_is_always_raised_as_it_is(register, outlet, lax):
    register(Keeper, paths=raising(DatabaseError("broken")))

    with pytest.raises(DatabaseError, match="broken"):
        Keeper.objects.create()

    assert [batch.everything for batch in outlet.sent] == [True]


def test_an_interrupt_is_raised_and_loses_no_purge(register, outlet, lax):
    register(Keeper, paths=raising(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        Keeper.objects.create()

    assert [batch.everything for batch in outlet.sent] == [True]


def test_a_failing_receiver_of_the_signal_breaks_nothing(register, outlet, lax):
    def explode(**kwargs):
        raise RuntimeError("boom")

    register(Keeper, paths=lambda keeper: None)
    purge_failed.connect(explode)
    try:
        Keeper.objects.create()
    finally:
        purge_failed.disconnect(explode)

    assert [batch.everything for batch in outlet.sent] == [True]


def test_str_is_never_called_on_the_instance(register, lax, monkeypatch):
    monkeypatch.setattr(Keeper, "__str__", lambda self: 1 / 0)
    register(Keeper, paths=lambda keeper: None)

    Keeper.objects.create()


def test_invalid_dependents_are_values_errors():
    assert issubclass(InvalidDependent, ValueError)


def test_a_failure_in_a_rolled_back_transaction_sends_nothing(register, outlet):
    register(Keeper, paths=lambda keeper: None)

    with pytest.raises(DependentsError), transaction.atomic():
        Keeper.objects.create()

    assert outlet.sent == []


def test_a_failure_that_is_caught_inside_the_transaction_is_purged(register, outlet):
    register(Keeper, paths=lambda keeper: None)

    with transaction.atomic():
        with pytest.raises(DependentsError):
            Keeper.objects.create()

    assert outlet.sent == [PurgeBatch(everything=True)]


def test_a_child_whose_dependents_fail_when_its_parent_is_saved(register, outlet):
    place = Place.objects.get(pk=Cage.objects.create(slug="a").pk)
    register(Cage, paths=lambda cage: 1 / 0, bulk=["cages"], track_changes=False)

    with pytest.raises(DependentsError, match="zoo.Cage"):
        place.save()

    assert outlet.sent == [PurgeBatch(tags=frozenset({"cages"}))]
