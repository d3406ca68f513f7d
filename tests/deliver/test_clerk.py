"""The one thread that writes to the outbox after a commit."""

import threading

import pytest
from django.db import connections

from dumper_purge.deliver.background import clerk as clerks
from dumper_purge.deliver.background.clerk import Clerk
from dumper_purge.deliver.background.threads import Threads


@pytest.fixture
def clerk():
    changed = threading.Condition()
    found = Clerk(changed, Threads())
    found.wait = lambda condition: _wait(changed, condition)
    yield found
    found.wait(found.is_idle)


@pytest.fixture
def no_threads(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def _wait(changed, condition):
    with changed:
        assert changed.wait_for(condition, 5)


def test_tasks_are_done_one_after_the_other_in_their_order(clerk):
    done = []

    for number in range(100):
        clerk.submit(lambda number=number: done.append(number))
    clerk.wait(clerk.is_idle)

    assert done == list(range(100))


def test_whoever_has_a_task_does_not_wait_for_it(clerk):
    release, begun = threading.Event(), threading.Event()

    def slow():
        begun.set()
        release.wait(5)

    clerk.submit(slow)
    assert begun.wait(5)

    assert not clerk.is_idle()
    release.set()
    clerk.wait(clerk.is_idle)


def test_a_thread_does_all_that_comes_while_it_lives(clerk):
    threads = []

    for _ in range(3):
        clerk.submit(lambda: threads.append(threading.current_thread()))
        clerk.wait(clerk.is_idle)

    assert len(set(threads)) == 1


def test_it_ends_when_there_is_nothing_to_do_and_another_one_begins(clerk, monkeypatch):
    monkeypatch.setattr(clerks, "_LINGERS", 0)
    threads = []

    for _ in range(2):
        clerk.submit(lambda: threads.append(threading.current_thread()))
        clerk.wait(clerk.is_idle)
        threads[-1].join(5)
        assert not threads[-1].is_alive()

    assert len(set(threads)) == 2


@pytest.mark.parametrize("error", [ValueError("bug"), SystemExit()])
def test_a_task_that_fails_is_logged_and_keeps_no_other_from_being_done(clerk, caplog, error):
    done = threading.Event()

    def broken():
        raise error

    clerk.submit(broken)
    clerk.submit(done.set)

    assert done.wait(5)
    assert caplog.text.count("The outbox could not be kept; what is in it comes up again.") == 1


def test_a_task_may_have_another_one_in_its_train(clerk):
    done = threading.Event()

    clerk.submit(lambda: clerk.submit(done.set))

    assert done.wait(5)


def test_tasks_of_many_threads_are_all_done(clerk):
    done, barrier = [], threading.Barrier(8, timeout=5)

    def hand_in():
        barrier.wait()
        for _ in range(50):
            clerk.submit(lambda: done.append(1))

    threads = [threading.Thread(target=hand_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clerk.wait(clerk.is_idle)

    assert len(done) == 400


@pytest.mark.django_db(transaction=True)
def test_its_database_connection_is_closed_when_it_ends(clerk, monkeypatch):
    monkeypatch.setattr(clerks, "_LINGERS", 0)
    closed = threading.Event()

    def connect():
        connection = connections["default"]
        connection.ensure_connection()
        connection.close = closed.set

    clerk.submit(connect)

    assert closed.wait(5)


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_task_is_done_at_once_and_in_order(clerk):
    done = []

    def first():
        clerk.submit(lambda: done.append("second"))
        done.append("first")

    clerk.submit(first)
    clerk.submit(lambda: done.append("third"))

    assert done == ["first", "second", "third"]
    assert clerk.is_idle()


@pytest.mark.usefixtures("no_threads")
def test_without_threads_a_task_that_fails_hurts_nobody(clerk, caplog):
    def broken():
        raise ValueError("bug")

    clerk.submit(broken)

    assert clerk.is_idle()
    assert "The outbox could not be kept" in caplog.text
