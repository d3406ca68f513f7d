"""Entries that were carried out: their DELETE rides along with a later INSERT, and none is lost."""

import os
import threading
import time

import pytest
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dumper_purge import environment
from dumper_purge.deliver import delivery
from dumper_purge.deliver.carrying import background, riders
from dumper_purge.deliver.health import health
from dumper_purge.deliver.outbox import compaction, encoding, table
from dumper_purge.deliver.upkeep import riders as rules
from tests.deliver.rows import quiet
from tests.deliver.stage import tier
from tests.outbox.conftest import SERVERS
from tests.outbox.eyes import statements
from tests.outbox.rows import batch, due, put, stored, wait_until
from tests.outbox.test_rights import limited
from tests.zoo.models import Keeper

FILES = ["sqlite", "sqlite_wal"]


class Undo(Exception):
    """Rolls back."""


@pytest.fixture
def riding(inline, monkeypatch):
    """Let rows wait as they do outside of tests, and each ride alone."""
    monkeypatch.setattr(environment, "is_test", lambda: False)
    monkeypatch.setattr(rules, "_TOGETHER", 1)
    monkeypatch.setattr(rules, "_QUIET", 60.0)
    return inline


@pytest.fixture
def soon(riding, monkeypatch):
    """Let the clerk come soon."""
    monkeypatch.setattr(rules, "_QUIET", 0.05)


def save(slug):
    with transaction.atomic():
        Keeper.objects.create(slug=slug)


def begin():
    """Save twice: rows wait once one could be deleted, and in a file once there is a series."""
    save("first")
    save("second")
    delivery.finish(5)


def paths():
    return sorted(path for row in stored() for path in encoding.decoded(row.batch).paths)


def test_a_row_is_deleted_in_the_transaction_that_adds_the_next(database, riding, eyes):
    begin()
    save("a")
    waiting = paths()

    with transaction.atomic():
        with statements() as found:
            delivery.write(batch("/b/"), "default")
        assert (eyes.entries(), paths()) == (1, ["/b/"])

    assert waiting == ["/keepers/a/"]
    assert len([sql for sql in found if "DELETE" in sql]) == 1
    assert paths() == ["/b/"]


def test_in_a_series_of_saves_no_transaction_only_deletes(database, riding, monkeypatch):
    begin()
    save("a")
    commits = []
    commit = BaseDatabaseWrapper._commit
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lambda c: [commits.append(c), commit(c)])

    with statements() as found:
        for number in range(5):
            save(f"k{number}")

    assert len(commits) == 5
    assert len([sql for sql in found if "DELETE" in sql]) == 5
    assert paths() == ["/keepers/k4/"]


def test_several_rows_ride_at_once(database, riding, monkeypatch):
    monkeypatch.setattr(rules, "_TOGETHER", 3)
    begin()

    with statements() as found:
        for number in range(7):
            save(f"k{number}")

    # MySQL would lock what others have just written, if one statement named several.
    each = 3 if database == "mysql" else 1
    assert len([sql for sql in found if "DELETE" in sql]) == 2 * each
    assert paths() == ["/keepers/k6/"]


def test_a_commit_that_fails_leaves_them_waiting(database, riding, monkeypatch):
    def fail(wrapper):
        raise DatabaseError("gone")

    begin()
    save("a")
    with monkeypatch.context() as patch, pytest.raises(DatabaseError):
        patch.setattr(BaseDatabaseWrapper, "_commit", fail)
        save("b")
    assert paths() == ["/keepers/a/"]

    save("c")

    assert paths() == ["/keepers/c/"]


def test_a_savepoint_that_is_rolled_back_leaves_them_waiting(database, riding):
    begin()
    save("a")
    with transaction.atomic():
        with pytest.raises(Undo), transaction.atomic():
            delivery.write(batch("/undone/"), "default")
            raise Undo
    assert paths() == ["/keepers/a/"]

    save("b")

    assert paths() == ["/keepers/b/"]


def test_a_transaction_that_is_rolled_back_leaves_them_waiting(database, riding):
    begin()
    save("a")
    with pytest.raises(Undo), transaction.atomic():
        delivery.write(batch("/undone/"), "default")
        raise Undo

    delivery.finish(5)

    assert stored() == []


def test_in_autocommit_both_or_neither_are_written(database, riding, monkeypatch):
    begin()
    save("a")
    with monkeypatch.context() as patch:
        patch.setattr(table, "_deletion", lambda *args: "DELETE FROM nowhere WHERE id = %s")
        assert delivery.write(batch("/b/"), "default") is None

    assert paths() == ["/keepers/a/"]


def test_each_database_has_its_own(database, riding):
    begin()
    save("here")
    with transaction.atomic(using="other"):
        Keeper.objects.using("other").create(slug="there")

    assert paths() == ["/keepers/here/"]


def test_each_thread_takes_its_own_along(database, riding):
    begin()
    save("here")

    def elsewhere():
        delivery.write(batch("/there/"), "default")
        connections.close_all()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(10)

    assert paths() == ["/keepers/here/", "/there/"]


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_what_nothing_takes_along_is_deleted_soon(database, soon):
    begin()
    save("a")

    wait_until(lambda: not stored())


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_what_a_thread_has_left_that_has_ended_is_deleted_soon(database, soon):
    begin()

    def elsewhere():
        save("a")
        save("b")
        connections.close_all()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(10)

    wait_until(lambda: not stored())


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_what_is_done_after_the_save_has_returned_waits_too(database, riding, settings):
    settings.DUMPER_BACKENDS = {"edge": tier("a", waiting=True)}
    release = threading.Event()
    begin()
    riding.settling["a"] = lambda: release.wait(5)

    save("a")
    release.set()
    quiet()
    waiting = paths()
    save("b")
    quiet()

    assert waiting == ["/keepers/a/"]
    assert paths() == ["/keepers/b/"]


@pytest.mark.parametrize("database", FILES, indirect=True)
def test_no_thread_writes_to_a_file_in_which_a_transaction_may_have_read(database, soon):
    begin()
    save("a")

    assert background._timers.next_due() is None
    assert paths() == ["/keepers/a/"]


@pytest.mark.parametrize("database", FILES, indirect=True)
def test_a_save_that_is_followed_by_nothing_leaves_no_row_in_a_file(database, riding, monkeypatch):
    begin()
    monkeypatch.setattr(rules, "_QUIET", 0.01)
    time.sleep(0.02)

    save("a")

    assert stored() == []


@pytest.mark.parametrize("database", FILES, indirect=True)
def test_what_a_series_has_left_in_a_file_goes_with_the_next_save(database, riding, monkeypatch):
    begin()
    save("a")
    waiting = paths()
    monkeypatch.setattr(rules, "_QUIET", 0.0)

    save("b")

    assert waiting == ["/keepers/a/"]
    assert stored() == []


def test_the_end_of_a_request_deletes_what_waits(database, riding, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connection.close()
    request_started.send(sender=None)
    begin()
    save("a")
    save("b")
    waiting = paths()

    request_finished.send(sender=None)

    assert waiting == ["/keepers/b/"]
    assert stored() == []


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_the_end_of_a_request_makes_no_connection_for_it(database, riding):
    begin()
    save("a")
    connection.close()

    riders.end_request()

    assert connection.connection is None
    assert paths() == ["/keepers/a/"]


def test_whoever_waits_for_the_end_of_all_finds_no_row(database, riding):
    begin()
    save("a")
    assert len(stored()) == 1

    delivery.finish(5)

    assert stored() == []


def test_what_was_carried_out_is_not_pending(database, riding, settings):
    begin()
    save("a")

    assert health().pending == 0


def test_they_are_bounded(database, riding, monkeypatch):
    monkeypatch.setattr(rules, "_TOGETHER", 1_000)
    monkeypatch.setattr(rules, "_MOST", 3)
    begin()

    for number in range(10):
        save(f"k{number}")

    assert len(stored()) == 3


def test_a_row_that_another_process_may_find_soon_does_not_wait(database, riding, monkeypatch):
    monkeypatch.setattr(rules, "_YOUNG", 0.0)
    begin()

    save("a")

    assert stored() == []


def test_no_transaction_depends_on_a_row_that_has_waited_too_long(database, riding, monkeypatch):
    begin()
    save("a")
    monkeypatch.setattr(rules, "_LATE", 0.0)
    time.sleep(0.002)

    save("b")

    assert paths() == ["/keepers/a/", "/keepers/b/"]


@pytest.mark.parametrize("database", SERVERS[:1], indirect=True)
def test_without_the_right_to_delete_no_save_is_lost(database, riding):
    with limited("SELECT, INSERT"):
        for slug in "abc":
            save(slug)
        riding.wait_for(6)
        delivery.finish(0.3)
        delivery.forget()

    assert Keeper.objects.count() == 3
    assert len(stored()) == 3


def test_a_worker_deletes_at_once_what_it_was_given(database, riding, settings):
    begin()
    settings.DUMPER_ENGINE = "worker"
    settings.DUMPER_BACKENDS = {"cache": tier("a", instant=True)}

    save("a")

    assert stored() == []


def test_in_the_tests_of_a_site_no_row_waits(database, inline):
    begin()

    save("a")
    save("b")

    assert stored() == []
    assert background._timers.next_due() is None


def test_too_many_entries_are_merged_without_those_that_are_in_hand(database):
    for number in range(3):
        put(id=str(number))
    due(60)
    put(id="late", alias="edge", node="a")
    put(id="later", alias="edge", node="a")
    in_hand = compaction.compact("default", limit=1)
    due(-1)

    found = compaction.compact("default", limit=1)

    assert [left.alias for left in in_hand] == ["edge"]
    assert [left.alias for left in found] == [""]


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("database", SERVERS[:1], indirect=True)
def test_a_forked_child_leaves_them_to_its_parent(database, riding):
    begin()
    save("a")
    assert riders.along("default")

    child = os.fork()
    if child == 0:
        os._exit(bool(riders.along("default")))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
