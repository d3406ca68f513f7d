"""Requests, ``collecting()`` and ``paused()``."""

import contextvars
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

import dumper_purge.collect.outlet as outlets
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.purges import purge_paths
from dumper_purge.collect.scope import collecting, open_request, paused
from tests.zoo.models import Keeper, Visitor

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


class Undo(Exception):
    """Rolls back."""


@pytest.fixture(autouse=True)
def keepers(register):
    register(Keeper)


def save(slug, using="default"):
    Keeper(name=slug, slug=slug).save(using=using)


def paths(*slugs):
    return PurgeBatch(paths=frozenset(f"/keepers/{slug}/" for slug in slugs))


def test_nothing_connected_is_an_error_that_names_the_remedy(monkeypatch):
    monkeypatch.setattr(outlets, "_outlet", None)

    with pytest.raises(ImproperlyConfigured, match="INSTALLED_APPS"):
        save("a")


def test_nothing_connected_is_an_error_where_the_write_stands_and_not_at_the_commit(monkeypatch):
    monkeypatch.setattr(outlets, "_outlet", None)

    with transaction.atomic():
        with pytest.raises(ImproperlyConfigured, match="INSTALLED_APPS"):
            purge_paths("/a/")
        transaction.set_rollback(True)


# Requests


def test_a_request_records_at_once_and_sends_one_batch_at_its_end(outlet):
    with open_request() as scope:
        save("a")
        save("b")
        assert outlet.calls == [("record", paths("a")), ("record", paths("b"))]
        scope.close()

    assert outlet.calls[2:] == [("recorded", paths("a", "b"))]


def test_a_request_that_dies_sends_as_well(outlet):
    with pytest.raises(Undo), open_request():
        save("a")
        raise Undo

    assert outlet.sent == [paths("a")]


def test_a_closed_request_lets_later_writes_through(outlet):
    with open_request() as scope:
        save("a")
        scope.close()
        save("b")

    assert outlet.calls[1:] == [("recorded", paths("a")), ("deliver", paths("b"))]


def test_a_transaction_in_a_request_is_sent_at_its_commit(outlet):
    with open_request():
        with transaction.atomic():
            save("a")
        assert outlet.calls == [("deliver", paths("a"))]


def test_a_request_without_changes_sends_nothing(outlet):
    with open_request() as scope:
        Visitor.objects.create(name="Eve")

    assert outlet.calls == []
    assert not scope.collected_changes


@pytest.mark.parametrize("ends", [Undo, None])
def test_a_request_knows_of_changes_also_of_rolled_back_ones(ends):
    with open_request() as scope:
        try:
            with transaction.atomic():
                save("a")
                if ends:
                    raise ends
        except Undo:
            pass
        assert scope.collected_changes


@pytest.mark.parametrize(
    "write",
    [
        lambda: save("b"),
        lambda: Keeper.objects.update(slug="b"),
        lambda: Keeper.objects.all().delete(),
        lambda: Keeper.objects.bulk_create([Keeper(slug="b")]),
        lambda: purge_paths("/raw/"),
    ],
    ids=["save", "update", "delete", "bulk_create", "purge_paths"],
)
def test_a_request_knows_of_paused_changes(write):
    save("a")
    with open_request() as scope, paused():
        write()
        assert scope.collected_changes


def test_a_thread_that_inherited_the_request_joins_it_until_it_is_closed(outlet):
    def in_thread(path):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(purge_paths, path))
        thread.start()
        thread.join()

    with open_request() as scope:
        in_thread("/a/")
        scope.close()
        in_thread("/b/")

    assert [kind for kind, _ in outlet.calls] == ["record", "recorded", "deliver"]


def test_manual_mode_is_repeated_at_the_end_of_the_request(outlet):
    with open_request():
        transaction.set_autocommit(False)
        try:
            save("a")
            transaction.commit()
        finally:
            transaction.set_autocommit(True)

    assert [(kind, batch.everything) for kind, batch in outlet.calls] == [
        ("deliver", True),
        ("record", True),
        ("recorded", True),
        ("deliver", True),
    ]


# collecting()


def test_collecting_sends_one_batch(outlet):
    with collecting():
        save("a")
        save("b")
        with transaction.atomic():
            save("c")
        save("d", using="other")
        assert outlet.calls == []

    assert outlet.calls == [("deliver", paths("a", "b", "c", "d"))]


def test_collecting_sends_also_when_the_block_raises(outlet):
    with pytest.raises(Undo), collecting():
        save("a")
        raise Undo

    assert outlet.sent == [paths("a")]


def test_collecting_drops_a_transaction_that_is_rolled_back(outlet):
    with collecting():
        save("a")
        with pytest.raises(Undo), transaction.atomic():
            save("b")
            raise Undo

    assert outlet.sent == [paths("a")]


def test_collecting_inside_a_transaction_waits_for_its_commit(outlet):
    with transaction.atomic():
        with collecting():
            save("a")
        save("b")
        assert outlet.sent == []

    assert outlet.sent == [paths("a", "b")]


def test_collecting_inside_a_transaction_that_is_rolled_back_sends_nothing(outlet):
    with pytest.raises(Undo), transaction.atomic():
        with collecting():
            save("a")
        raise Undo

    assert outlet.sent == []


def test_nested_collecting_is_one_batch(outlet):
    with collecting():
        save("a")
        with collecting():
            save("b")
        assert outlet.sent == []

    assert outlet.sent == [paths("a", "b")]


def test_collecting_in_a_request_joins_it(outlet):
    with open_request():
        with collecting():
            save("a")
        save("b")

    assert outlet.calls == [
        ("record", paths("a")),
        ("record", paths("b")),
        ("recorded", paths("a", "b")),
    ]


def test_collecting_is_what_manual_mode_needs(outlet):
    with collecting():
        transaction.set_autocommit(False)
        save("a")
        transaction.commit()
        transaction.set_autocommit(True)

    assert outlet.sent == [paths("a")]


def test_collecting_is_of_this_thread_only(outlet):
    with collecting():
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(purge_paths, "/thread/"))
        thread.start()
        thread.join()
        assert outlet.paths == [{"/thread/"}]


# paused()


def test_paused_purges_nothing_and_hands_the_batch_over(outlet):
    with paused() as held:
        save("a")
        with transaction.atomic():
            save("b")

    assert outlet.calls == []
    assert held.batch == paths("a", "b")

    held.purge()
    assert outlet.sent == [paths("a", "b")]


def test_paused_leaves_out_what_is_rolled_back_inside(outlet):
    with paused() as held, pytest.raises(Undo), transaction.atomic():
        save("a")
        raise Undo

    assert held.batch == PurgeBatch()
    held.purge()
    assert outlet.sent == []


def test_paused_in_a_transaction_keeps_its_changes_from_the_transaction(outlet):
    with transaction.atomic():
        save("a")
        with paused() as held:
            save("b")

    assert outlet.sent == [paths("a")]
    assert held.batch == paths("b")


def test_a_purge_of_paused_changes_waits_for_the_commit(outlet):
    with transaction.atomic():
        with paused() as held:
            save("a")
        held.purge()
        assert outlet.sent == []

    assert outlet.sent == [paths("a")]


def test_a_purge_of_paused_changes_that_are_rolled_back_sends_nothing(outlet):
    with pytest.raises(Undo), transaction.atomic():
        with paused() as held:
            save("a")
        held.purge()
        raise Undo

    assert outlet.sent == []


def test_a_purge_after_the_commit_of_the_transaction_around_is_sent_at_once(outlet):
    with transaction.atomic():
        with paused() as held:
            save("a")
    held.purge()

    assert outlet.sent == [paths("a")]


def test_a_purge_in_a_later_transaction_waits_for_that(outlet):
    with paused() as held:
        save("a")
    with transaction.atomic():
        held.purge()
        assert outlet.sent == []

    assert outlet.sent == [paths("a")]


def test_paused_inside_collecting_is_not_collected(outlet):
    with collecting():
        save("a")
        with paused() as held:
            save("b")

    assert outlet.sent == [paths("a")]
    assert held.batch == paths("b")


def test_collecting_inside_paused_stays_paused(outlet):
    with transaction.atomic():
        with paused() as held:
            with collecting():
                save("a")
                save("b", using="other")

    assert outlet.sent == []
    assert held.batch == paths("a", "b")


def test_paused_that_raises_still_has_its_batch(outlet):
    with pytest.raises(Undo), paused() as held:
        save("a")
        raise Undo

    assert outlet.sent == []
    assert held.batch == paths("a")


def test_purges_by_word_are_paused_too(outlet):
    with paused() as held:
        purge_paths("/a/")

    assert outlet.sent == []
    assert held.batch == PurgeBatch(paths=frozenset({"/a/"}))


def test_a_block_that_has_ended_keeps_nothing(outlet):
    with collecting():
        context = contextvars.copy_context()

    context.run(purge_paths, "/a/")

    assert outlet.paths == [{"/a/"}]


def test_purging_inside_the_block_that_keeps_it_back_is_refused(register, outlet):
    register(Keeper)

    with paused() as kept:
        Keeper.objects.create(slug="a")
        with pytest.raises(RuntimeError, match="after the block"):
            kept.purge()
        with collecting(), pytest.raises(RuntimeError, match="after the block"):
            kept.purge()
    kept.purge()

    assert outlet.paths == [{"/keepers/a/"}]
