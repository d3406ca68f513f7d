"""One batch for each transaction and database, and none for what is rolled back."""

import logging
import threading

import pytest
from django.db import connection, connections, transaction
from django.db.utils import IntegrityError
from django.test import TestCase, TransactionTestCase

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.purges import purge_paths
from dumper_purge.collect.registering import register as register_model
from dumper_purge.collect.scope import collecting, paused
from tests.zoo.models import Animal, Keeper, Place

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture(autouse=True)
def keepers(register):
    register(Keeper)


def save(slug, using="default"):
    Keeper(name=slug, slug=slug).save(using=using)


class Undo(Exception):
    """Rolls back."""


def test_a_transaction_is_one_batch_sent_after_the_commit(outlet):
    with transaction.atomic():
        save("a")
        save("b")
        save("a")
        assert outlet.sent == []

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_the_batch_is_sent_when_others_can_see_the_rows(outlet, monkeypatch):
    seen = []
    monkeypatch.setattr(outlet, "deliver", lambda *args, **kw: seen.append(connection.autocommit))

    with transaction.atomic():
        save("a")

    assert seen == [True]


def test_a_rolled_back_transaction_sends_nothing(outlet):
    with pytest.raises(Undo), transaction.atomic():
        save("a")
        raise Undo

    save("b")
    assert outlet.paths == [{"/keepers/b/"}]


def test_consecutive_transactions_do_not_mix(outlet):
    for slug in ("a", "b"):
        with transaction.atomic():
            save(slug)

    assert outlet.paths == [{"/keepers/a/"}, {"/keepers/b/"}]


def test_a_first_change_in_a_savepoint_that_rolls_back_loses_no_later_one(outlet):
    with transaction.atomic():
        with pytest.raises(Undo), transaction.atomic():
            save("lost")
            raise Undo
        save("kept")

    assert outlet.paths == [{"/keepers/kept/"}]


def test_nested_savepoints_keep_what_is_committed(outlet):
    with transaction.atomic():
        save("a")
        with transaction.atomic():
            save("b")
            with pytest.raises(Undo), transaction.atomic():
                save("c")
                with transaction.atomic():
                    save("d")
                raise Undo
            save("e")
        save("f")

    assert outlet.paths == [{f"/keepers/{slug}/" for slug in "abef"}]


def test_a_released_savepoint_inside_one_that_rolls_back_is_dropped(outlet):
    with transaction.atomic():
        save("a")
        with pytest.raises(Undo), transaction.atomic():
            with transaction.atomic():
                save("b")
            raise Undo

    assert outlet.paths == [{"/keepers/a/"}]


def test_only_rolled_back_savepoints_send_nothing(outlet):
    with transaction.atomic():
        with pytest.raises(Undo), transaction.atomic():
            save("a")
            raise Undo

    assert outlet.sent == []


def test_a_block_without_savepoint_shares_the_fate_of_the_one_around_it(outlet):
    with transaction.atomic():
        save("a")
        with transaction.atomic(savepoint=False):
            save("b")

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_a_savepoint_rolled_back_by_hand_purges_too_much_rather_than_too_little(outlet):
    with transaction.atomic():
        sid = connection.savepoint()
        save("a")
        connection.savepoint_rollback(sid)
        save("b")

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_ten_thousand_saves_are_one_batch(outlet):
    keeper = Keeper.objects.create(slug="k")
    outlet.clear()

    with transaction.atomic():
        for number in range(10_000):
            keeper.slug = f"k{number % 100}"
            keeper.save()

    assert outlet.paths == [{"/keepers/k/", *(f"/keepers/k{n}/" for n in range(100))}]


def test_a_hook_of_the_user_that_raises_does_not_lose_the_purge(outlet):
    def explode():
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError), transaction.atomic():
        transaction.on_commit(explode)
        save("a")

    assert outlet.paths == [{"/keepers/a/"}]


def test_a_hook_of_the_user_that_blocks_does_not_delay_the_purge(outlet):
    sent_before_hook = []

    with transaction.atomic():
        transaction.on_commit(lambda: sent_before_hook.extend(outlet.sent))
        save("a")

    assert sent_before_hook == [PurgeBatch(paths=frozenset({"/keepers/a/"}))]


def test_a_write_in_a_hook_of_the_user_is_a_batch_of_its_own(outlet):
    with transaction.atomic():
        transaction.on_commit(lambda: save("b"))
        save("a")

    assert outlet.paths == [{"/keepers/a/"}, {"/keepers/b/"}]


def test_a_batch_whose_entry_django_dropped_is_not_used_again(outlet):
    with transaction.atomic():
        save("a")
        connection.run_on_commit = []
        save("b")

    assert outlet.paths == [{"/keepers/b/"}]


def test_a_hook_that_another_package_puts_in_front_does_no_harm(outlet):
    with transaction.atomic():
        save("a")
        connection.run_on_commit.insert(0, (set(), lambda: None, True))
        save("b")

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_databases_do_not_mix(outlet):
    with transaction.atomic(), transaction.atomic(using="other"):
        save("a")
        save("b", using="other")

    assert sorted(outlet.paths, key=str) == [{"/keepers/a/"}, {"/keepers/b/"}]


def test_the_rollback_of_one_database_leaves_the_other(outlet):
    with transaction.atomic(using="other"):
        with pytest.raises(Undo), transaction.atomic():
            save("a")
            save("b", using="other")
            raise Undo

    assert outlet.paths == [{"/keepers/b/"}]


def test_a_write_on_another_database_does_not_wait(outlet):
    with transaction.atomic():
        save("b", using="other")
        assert outlet.paths == [{"/keepers/b/"}]


def test_an_integrity_error_that_is_caught_around_a_savepoint_loses_nothing(register, outlet):
    register(Animal)
    with transaction.atomic():
        Animal.objects.create(name="fox", slug="fox")
        with pytest.raises(IntegrityError), transaction.atomic():
            Animal.objects.create(name="fox", slug="fox")
        Animal.objects.create(name="owl", slug="owl")

    assert outlet.paths == [{"/animals/fox/", "/animals/owl/"}]


def test_a_durable_block_and_a_decorated_function_are_transactions_like_any(outlet):
    @transaction.atomic(durable=True)
    def change(slug):
        save(slug)
        save(slug + "2")

    change("a")
    change("b")

    assert outlet.paths == [{"/keepers/a/", "/keepers/a2/"}, {"/keepers/b/", "/keepers/b2/"}]


# Manual transaction mode


@pytest.fixture
def manual():
    transaction.set_autocommit(False)
    yield
    transaction.rollback()
    transaction.set_autocommit(True)


def test_manual_mode_is_an_error_and_a_broad_purge_at_once(manual, outlet, caplog):
    with caplog.at_level(logging.ERROR, "dumper.collect"):
        save("a")

    assert [batch.everything for batch in outlet.sent] == [True]
    assert "manual transaction mode" in caplog.text


def test_what_was_committed_by_hand_is_purged_after_the_commit(manual, outlet):
    outlet.outbox = True
    save("a")
    outlet.clear()

    transaction.commit()

    assert [name for name, _ in outlet.calls] == ["write", "deliver"]
    assert [batch.everything for batch in outlet.sent] == [True]


def test_what_was_rolled_back_by_hand_is_not_purged_with_the_next_commit(manual, outlet):
    save("a")
    transaction.rollback()
    outlet.clear()

    transaction.commit()

    assert outlet.sent == []


def test_an_atomic_block_in_manual_mode_is_manual_mode(manual, outlet):
    with transaction.atomic():
        save("a")
        assert [batch.everything for batch in outlet.sent] == [True]


# Threads


def test_threads_do_not_mix(outlet):
    started, finished = threading.Event(), threading.Event()
    errors = []

    def other_thread():
        try:
            started.wait(5)
            with transaction.atomic():
                purge_paths("/thread/", using="default")
        except Exception as error:  # pragma: no cover
            errors.append(error)
        finally:
            connections.close_all()
            finished.set()

    thread = threading.Thread(target=other_thread)
    thread.start()
    with transaction.atomic():
        purge_paths("/main/")
        started.set()
        assert finished.wait(5)
        assert outlet.paths == [{"/thread/"}]
    thread.join()

    assert errors == []
    assert outlet.paths == [{"/thread/"}, {"/main/"}]


# Django's TestCase


class InTestCase(TestCase):
    """``captureOnCommitCallbacks()`` finds what a test does inside TestCase's own transaction."""

    databases = {"default", "other"}

    @pytest.fixture(autouse=True)
    def _outlet(self, outlet, keepers):
        self.outlet = outlet

    def test_it_works_twice_in_one_test(self):
        save("before")
        for slug in ("a", "b"):
            with self.captureOnCommitCallbacks(execute=True):
                save(slug)

        assert self.outlet.paths == [{"/keepers/a/"}, {"/keepers/b/"}]

    def test_an_atomic_block_is_one_batch(self):
        with transaction.atomic():
            save("before")
        for letters in ("ab", "cd"):
            with self.captureOnCommitCallbacks(execute=True):
                with transaction.atomic():
                    for slug in letters:
                        save(slug)

        assert self.outlet.paths == [
            {"/keepers/a/", "/keepers/b/"},
            {"/keepers/c/", "/keepers/d/"},
        ]

    def test_a_decorated_function_is_one_batch_each_time(self):
        @transaction.atomic
        def change(slug):
            save(slug)

        change("before")
        with self.captureOnCommitCallbacks(execute=True):
            change("a")

        assert self.outlet.paths == [{"/keepers/a/"}]

    def test_a_rolled_back_block_sends_nothing(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            with pytest.raises(Undo), transaction.atomic():
                save("a")
                raise Undo

        assert callbacks == []
        assert self.outlet.sent == []

    def test_a_savepoint_in_a_block_may_roll_back(self):
        with self.captureOnCommitCallbacks(execute=True):
            with transaction.atomic():
                with pytest.raises(Undo), transaction.atomic():
                    save("a")
                    raise Undo
                save("b")

        assert self.outlet.paths == [{"/keepers/b/"}]

    def test_other_databases_are_captured_by_their_alias(self):
        with self.captureOnCommitCallbacks(using="other", execute=True):
            save("a", using="other")
            save("b")

        assert self.outlet.paths == [{"/keepers/a/"}]

    def test_a_paused_block_has_its_batch_at_once(self):
        with self.captureOnCommitCallbacks(execute=True), paused() as held:
            save("a")
            with transaction.atomic():
                save("b")

        assert held.batch.paths == {"/keepers/a/", "/keepers/b/"}
        assert self.outlet.sent == []

        with self.captureOnCommitCallbacks(execute=True):
            held.purge()
        assert self.outlet.paths == [{"/keepers/a/", "/keepers/b/"}]

    def test_a_collecting_block_waits_for_the_callbacks(self):
        with self.captureOnCommitCallbacks(execute=True), collecting():
            save("a")

        assert self.outlet.paths == [{"/keepers/a/"}]

    def test_nothing_is_left_behind_by_the_tests_before(self):
        assert connection.run_on_commit == []


class InTransactionTestCase(TransactionTestCase):
    """Real commits send at once."""

    @pytest.fixture(autouse=True)
    def _outlet(self, outlet, keepers):
        self.outlet = outlet

    def test_autocommit(self):
        save("a")
        save("b")

        assert self.outlet.paths == [{"/keepers/a/"}, {"/keepers/b/"}]


def test_registered_elsewhere_is_the_same_function(outlet):
    assert register_model(Place) is Place
