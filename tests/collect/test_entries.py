"""What is entered in the outbox, when, and who has it closed."""

import logging

import pytest
from django.core import serializers
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.purges import (
    purge_everything,
    purge_objects,
    purge_paths,
    purge_prefixes,
    purge_tags,
)
from dumper_purge.collect.scope import collecting, open_request, paused
from dumper_purge.exceptions import DependentsError
from dumper_purge.signals import purge_failed
from tests.zoo.models import Animal, Food, Keeper, Place

pytestmark = pytest.mark.django_db(
    transaction=True,
    databases=["default", "other"],
    available_apps=["django.contrib.contenttypes", "dumper_purge", "tests.zoo"],
)


class Undo(Exception):
    """Rolls back."""


@pytest.fixture(autouse=True)
def _outbox(outlet, register):
    register(Keeper)
    outlet.outbox = True


def save(slug, using="default"):
    keeper = Keeper(name=slug, slug=slug)
    keeper.save(using=using)
    return keeper


def paths(*slugs):
    return PurgeBatch(paths=frozenset(f"/keepers/{slug}/" for slug in slugs))


def one(batch):
    """Return what happens when a batch is entered and then delivered."""
    return [("write", batch), ("deliver", batch)]


@pytest.fixture
def closes_all(outlet):
    """See to it that in the end nothing that was entered is open."""
    yield
    assert sorted(outlet.closed) == sorted(outlet.entered)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the lock is SQLite's")
def test_a_save_takes_the_lock_of_sqlite_before_it_reads():
    with CaptureQueriesContext(connection) as queries:
        save("a")

    assert [query["sql"] for query in queries if query["sql"].startswith("BEGIN")] == [
        "BEGIN IMMEDIATE"
    ]


@pytest.fixture
def receive():
    """Connect receivers of ``post_save`` for this test only."""
    connected = []

    def connect(receiver, sender=Keeper):
        connected.append((receiver, sender))
        post_save.connect(receiver, sender)

    yield connect
    for receiver, sender in connected:
        post_save.disconnect(receiver, sender)


@pytest.fixture
def places(outlet, monkeypatch):
    """Note for each entry whether it is written inside a transaction."""
    found, write = [], outlet.write

    def watched(batch, using):
        found.append("autocommit" if connection.get_autocommit() else "transaction")
        return write(batch, using)

    monkeypatch.setattr(outlet, "write", watched)
    return found


# Transactions


@pytest.mark.usefixtures("closes_all")
def test_a_transaction_has_one_entry_written_before_its_commit(outlet, places):
    with transaction.atomic():
        save("a")
        save("b")
        assert outlet.calls == []

    assert outlet.calls == one(paths("a", "b"))
    assert places == ["transaction"]


@pytest.mark.usefixtures("closes_all")
def test_what_a_savepoint_has_rolled_back_is_not_entered(outlet):
    with transaction.atomic():
        save("a")
        with pytest.raises(Undo), transaction.atomic():
            save("undone")
            raise Undo
        with transaction.atomic():
            save("b")

    assert outlet.calls == one(paths("a", "b"))


def test_what_is_rolled_back_as_a_whole_has_no_entry(outlet):
    with pytest.raises(Undo), transaction.atomic():
        save("a")
        raise Undo
    with transaction.atomic(), pytest.raises(Undo), transaction.atomic():
        save("b")
        raise Undo

    assert outlet.calls == []


@pytest.mark.usefixtures("closes_all")
def test_each_transaction_and_each_database_has_an_entry_of_its_own(outlet):
    with transaction.atomic(), transaction.atomic(using="other"):
        save("a")
        save("b", using="other")
    with transaction.atomic():
        save("c")

    entered = {(ref.using, *batch.paths) for ref, batch in outlet.entered.items()}
    assert entered == {
        ("default", "/keepers/a/"), ("other", "/keepers/b/"), ("default", "/keepers/c/")
    }  # fmt: skip


@pytest.mark.usefixtures("closes_all")
def test_a_hook_that_raises_loses_no_entry(outlet):
    def broken():
        raise Undo

    with pytest.raises(Undo), transaction.atomic():
        transaction.on_commit(broken)
        save("a")

    assert outlet.calls == one(paths("a"))


@pytest.mark.usefixtures("closes_all")
def test_what_a_hook_saves_has_an_entry_of_its_own(outlet):
    with transaction.atomic():
        transaction.on_commit(lambda: save("hook"))
        save("a")

    assert outlet.calls == one(paths("a")) + one(paths("hook"))


@pytest.mark.usefixtures("closes_all")
def test_an_entry_is_bounded_like_its_batch(outlet, settings, caplog):
    settings.DUMPER_BATCH_LIMIT = 3

    with transaction.atomic():
        for slug in "abcd":
            save(slug)

    assert outlet.calls == one(PurgeBatch(everything=True))
    assert "DUMPER_BATCH_LIMIT (3)" in caplog.text


def test_a_database_that_refuses_the_entry_refuses_the_commit(outlet, monkeypatch):
    def refuse(batch, using):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(outlet, "write", refuse)
    with pytest.raises(DatabaseError, match="the disk is full"), transaction.atomic():
        save("a")

    assert outlet.sent == []
    assert not Keeper.objects.exists()
    assert connection.get_autocommit()


def test_a_bug_in_the_outbox_breaks_no_commit(outlet, monkeypatch, caplog):
    def broken(batch, using):
        raise KeyError("bug")

    monkeypatch.setattr(outlet, "write", broken)
    with transaction.atomic():
        save("a")

    assert outlet.calls == [("deliver", paths("a"))]
    assert Keeper.objects.exists()
    assert "could not be entered in the outbox" in caplog.text


# Autocommit


@pytest.mark.usefixtures("closes_all")
def test_a_save_and_its_entry_are_one_transaction(outlet, places):
    save("a")

    assert outlet.calls == one(paths("a"))
    assert places == ["transaction"]


@pytest.mark.usefixtures("closes_all")
def test_a_changed_slug_enters_the_old_path_and_the_new(outlet):
    keeper = save("a")
    outlet.clear()

    keeper.slug = "b"
    keeper.save()

    assert outlet.calls == one(paths("a", "b"))


def test_a_save_that_the_database_refuses_has_no_row_either(outlet, monkeypatch):
    def refuse(batch, using):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(outlet, "write", refuse)
    with pytest.raises(DatabaseError, match="the disk is full"):
        save("a")

    assert not Keeper.objects.exists()


@pytest.fixture
def zoo(outlet, register):
    """An animal with a keeper and food."""
    register(Animal)
    register(Food)
    keeper = Keeper.objects.create(name="k", slug="k")
    animal = Animal.objects.create(name="fox", slug="fox", keeper=keeper)
    animal.foods.add(Food.objects.create(name="hay"))
    outlet.clear()
    return animal


def load():
    """Save as a fixture does."""
    row = {"model": "zoo.keeper", "pk": 99, "fields": {"name": "n", "slug": "x"}}
    for loaded in serializers.deserialize("python", [row]):
        loaded.save()


WRITES = {
    "update": lambda: Keeper.objects.update(name="new"),
    "delete": lambda: Keeper.objects.get().delete(),
    "delete by a queryset": lambda: Keeper.objects.all().delete(),
    "bulk_create": lambda: Keeper.objects.bulk_create([Keeper(slug="x"), Keeper(slug="y")]),
    "bulk_update": lambda: Keeper.objects.bulk_update(Keeper.objects.all(), ["name"]),
    "get_or_create": lambda: Keeper.objects.get_or_create(slug="x"),
    "update_or_create": lambda: Keeper.objects.update_or_create({"name": "n"}, slug="k"),
    "raw": load,
    "add": lambda: Animal.objects.get().foods.add(Food.objects.create(name="a")),
    "remove": lambda: Animal.objects.get().foods.remove(Food.objects.get()),
    "clear from the other side": lambda: Food.objects.get().eaters.clear(),
    "set": lambda: Animal.objects.get().foods.set([]),
}


@pytest.mark.usefixtures("zoo", "closes_all")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_whatever_is_written_is_entered_in_the_same_transaction(outlet, places, write):
    write()

    entered = PurgeBatch()
    for batch in outlet.entered.values():
        entered |= batch
    sent = PurgeBatch()
    for batch in outlet.sent:
        sent |= batch
    assert entered == sent
    assert sent
    assert set(places) == {"transaction"}
    assert len(places) == len(outlet.sent)


def test_what_touches_no_registered_model_enters_nothing(outlet):
    Place.objects.create(slug="p")

    assert outlet.calls == []


def test_unchanged_fields_enter_and_purge_nothing(outlet, register):
    register(Keeper, fields=["slug"])
    keeper = save("a")
    outlet.clear()

    keeper.name = "other"
    keeper.save()
    keeper.save(update_fields=["name"])
    Keeper.objects.update(name="another")

    assert outlet.calls == []


@pytest.mark.usefixtures("closes_all")
def test_a_loaded_row_that_overwrites_another_is_delivered_before_its_entry_is_closed(outlet):
    keeper = save("old")
    (loaded,) = serializers.deserialize("python", serializers.serialize("python", [keeper]))
    outlet.clear()

    loaded.object.slug = "new"
    loaded.save()

    assert outlet.calls == one(paths("old", "new"))


@pytest.mark.usefixtures("closes_all")
def test_without_an_outbox_nothing_is_entered(outlet):
    outlet.outbox = False

    save("a")
    with transaction.atomic():
        save("b")

    assert outlet.calls == [("deliver", paths("a")), ("deliver", paths("b"))]


@pytest.mark.usefixtures("closes_all")
def test_an_entry_that_cannot_be_written_keeps_nothing_from_being_purged(outlet, monkeypatch):
    monkeypatch.setattr(outlet, "write", lambda batch, using: None)

    save("a")
    with transaction.atomic():
        save("b")
    purge_paths("/c/")

    assert len(outlet.sent) == 3
    assert outlet.closed == []


# Receivers of post_save


@pytest.mark.usefixtures("closes_all")
def test_receivers_run_when_row_and_entry_are_committed(outlet, receive):
    seen = []

    def receiver(**kwargs):
        seen.append((connection.in_atomic_block, connection.get_autocommit(), outlet.calls[:]))

    receive(receiver)
    save("a")

    assert seen == [(False, True, [("write", paths("a"))])]


@pytest.mark.usefixtures("closes_all")
def test_a_receiver_that_raises_undoes_neither_row_nor_entry(outlet, receive):
    def receiver(**kwargs):
        raise Undo

    receive(receiver)
    with pytest.raises(Undo):
        save("a")

    assert outlet.calls == one(paths("a"))
    assert Keeper.objects.exists()


@pytest.mark.usefixtures("closes_all")
def test_what_a_receiver_saves_has_an_entry_of_its_own(outlet, receive):
    def receiver(instance, **kwargs):
        if instance.slug == "a":
            save("b")

    receive(receiver)
    save("a")

    assert [call for call in outlet.calls if call[0] == "write"] == [
        ("write", paths("a")), ("write", paths("b"))
    ]  # fmt: skip
    assert outlet.sent == [paths("b"), paths("a")]


@pytest.mark.usefixtures("closes_all")
def test_dependents_that_a_receiver_brings_about_are_entered_after_the_commit(
    outlet, register, receive, places
):
    more = []
    register(Keeper, paths=lambda keeper: ["/first/", *more])
    receive(lambda **kwargs: more.append("/second/"))

    save("a")

    first, second = PurgeBatch.of(["/first/"]), PurgeBatch.of(["/first/", "/second/"])
    assert outlet.calls == [("write", first), ("write", second), ("deliver", second)]
    assert places == ["transaction", "autocommit"]


@pytest.mark.usefixtures("closes_all")
def test_the_row_is_purged_whatever_a_receiver_has_made_of_the_instance(outlet, receive):
    receive(lambda instance, **kwargs: setattr(instance, "slug", "only-in-memory"))

    save("a")

    assert "/keepers/a/" in outlet.sent[0].paths
    assert outlet.calls[0] == ("write", paths("a"))


# Dependents that fail


@pytest.fixture
def failures():
    found = []

    def note(**kwargs):
        found.append(kwargs["error"])

    purge_failed.connect(note)
    yield found
    purge_failed.disconnect(note)


def fail(keeper):
    yield "/good/"
    raise KeyError("bug")


WRITTEN = {
    "autocommit": lambda: save("a"),
    "atomic": transaction.atomic(lambda: save("a")),
    "raw": lambda: Keeper(slug="a").save_base(raw=True),
}


@pytest.mark.usefixtures("closes_all")
@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_a_failure_is_told_once_and_its_broad_purge_entered(
    outlet, register, settings, failures, caplog, write
):
    settings.DUMPER_STRICT = False
    register(Keeper, paths=fail)

    write()

    (entered,) = outlet.entered.values()
    assert entered.everything
    assert outlet.sent == [entered]
    assert [str(error) for error in failures] == ["'bug'"]
    assert [r.levelno for r in caplog.records].count(logging.ERROR) == 1


@pytest.mark.usefixtures("closes_all")
def test_a_strict_failure_reaches_the_caller_and_its_broad_purge_is_entered(outlet, register):
    register(Keeper, paths=fail)

    with pytest.raises(DependentsError, match="bug"):
        save("a")

    assert [batch.everything for batch in outlet.entered.values()] == [True]
    assert [batch.everything for batch in outlet.sent] == [True]


# paused() and collecting()


def test_what_is_paused_is_not_entered(outlet):
    with paused():
        save("a")
        with transaction.atomic():
            save("b")
        purge_paths("/c/")

    assert outlet.calls == []


@pytest.mark.usefixtures("closes_all")
def test_what_was_paused_is_entered_when_it_is_purged_after_all(outlet):
    with paused() as held:
        save("a")
        with transaction.atomic():
            save("b")

    held.purge()

    assert outlet.calls == one(paths("a", "b"))


@pytest.mark.usefixtures("closes_all")
def test_what_was_paused_in_a_transaction_is_entered_with_it(outlet, places):
    with transaction.atomic():
        with paused() as held:
            save("a")
        held.purge()
        assert outlet.calls == []

    assert outlet.calls == one(paths("a"))
    assert places == ["transaction"]


@pytest.mark.usefixtures("closes_all")
def test_a_transaction_around_a_paused_block_enters_only_its_own(outlet):
    with transaction.atomic():
        save("a")
        with paused():
            save("b")

    assert outlet.calls == one(paths("a"))


@pytest.mark.usefixtures("closes_all")
def test_what_is_collected_is_entered_at_each_commit_and_closed_by_one_delivery(outlet):
    with collecting():
        save("a")
        with transaction.atomic():
            save("b")
        purge_paths("/keepers/c/")

    assert outlet.calls == [
        ("write", paths("a")),
        ("write", paths("b")),
        ("write", paths("c")),
        ("deliver", paths("a", "b", "c")),
    ]


@pytest.mark.usefixtures("closes_all")
def test_collecting_inside_a_transaction_enters_with_it(outlet):
    with transaction.atomic():
        with collecting():
            save("a")
        save("b")

    assert outlet.calls == one(paths("a", "b"))


@pytest.mark.usefixtures("closes_all")
def test_nested_collecting_is_closed_by_the_outermost(outlet):
    with collecting():
        with collecting():
            save("a")
        assert outlet.sent == []
        save("b")

    assert outlet.sent == [paths("a", "b")]


def test_collecting_inside_paused_enters_nothing(outlet):
    with paused(), collecting():
        save("a")
        with transaction.atomic():
            save("b")

    assert outlet.calls == []


@pytest.mark.usefixtures("closes_all")
def test_paused_inside_collecting_enters_what_is_not_paused(outlet):
    with collecting():
        save("a")
        with paused():
            save("b")

    assert outlet.calls == one(paths("a"))


# Requests


@pytest.mark.usefixtures("closes_all")
def test_the_entries_of_a_request_are_closed_at_its_end(outlet):
    with open_request() as scope:
        save("a")
        save("b")
        assert outlet.closed == []
        scope.close()

    assert outlet.calls[-1] == ("recorded", paths("a", "b"))
    assert len(outlet.entered) == 2


@pytest.mark.usefixtures("closes_all")
def test_a_request_that_dies_has_its_entries_closed_too(outlet):
    with pytest.raises(Undo), open_request():
        save("a")
        raise Undo

    assert outlet.sent == [paths("a")]


# By hand


BY_HAND = {
    "paths": lambda: purge_paths("/keepers/a/"),
    "tags": lambda: purge_tags("menu"),
    "prefixes": lambda: purge_prefixes("/news/"),
    "everything": purge_everything,
    "objects": lambda: purge_objects([Keeper(pk=1, slug="a")]),
}


@pytest.mark.usefixtures("closes_all")
@pytest.mark.parametrize("purge", BY_HAND.values(), ids=BY_HAND)
def test_a_purge_by_hand_is_entered_when_it_returns(outlet, purge):
    purge()

    (entered,) = outlet.entered.values()
    assert outlet.calls == one(entered)


@pytest.mark.usefixtures("closes_all")
@pytest.mark.parametrize("purge", BY_HAND.values(), ids=BY_HAND)
def test_a_purge_by_hand_in_a_transaction_is_entered_with_it(outlet, places, purge):
    with transaction.atomic():
        purge()
        assert outlet.calls == []

    (entered,) = outlet.entered.values()
    assert outlet.calls == one(entered)
    assert places == ["transaction"]


# Manual transaction mode


def test_in_manual_mode_an_entry_is_written_right_before_the_commit(outlet):
    transaction.set_autocommit(False)
    try:
        save("a")
        assert outlet.entered == {}
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

    assert [batch.everything for batch in outlet.entered.values()] == [True]
    assert [batch.everything for batch in outlet.sent] == [True, True]
    assert outlet.closed == []


# Django's TestCase


class InTestCase(TestCase):
    """Its own transaction is rolled back: nothing has to outlive it."""

    databases = {"default", "other"}

    @pytest.fixture(autouse=True)
    def _outlet(self, outlet, _outbox):
        self.outlet = outlet

    def test_nothing_is_entered_but_all_is_purged(self):
        with self.captureOnCommitCallbacks(execute=True):
            save("a")
            with transaction.atomic():
                save("b")
            Keeper.objects.update(name="new")

        assert self.outlet.entered == {}
        sent = set().union(*(batch.paths for batch in self.outlet.sent))
        assert sent == {"/keepers/a/", "/keepers/b/"}
