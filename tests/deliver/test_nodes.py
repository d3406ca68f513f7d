"""What a process has seen of the nodes, told to the others through the outbox."""

import os
import threading
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, retry
from dumper_purge.deliver.outbox import nodes, sql, table
from dumper_purge.exceptions import Rejected, Transient
from tests.deliver.rows import node, quiet
from tests.deliver.stage import failing, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture
def clock(monkeypatch):
    """Let the process's clock begin anew, and the database's at a million."""
    now = SimpleNamespace(seconds=1_000.0)
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    monkeypatch.setattr(sql, "clock", lambda using: 1_000_000.0 + now.seconds)
    return now


def rows():
    return apps.get_model("dumper_purge", "OutboxNode").objects.count()


def test_a_success_is_told_in_the_time_of_the_database(clock):
    nodes.succeeded("edge", "a")
    clock.seconds += 4

    nodes.flush_if_due()

    found = node("edge", "a")
    assert (found.last_success, found.failures, found.retry_at) == (1_001_000, 0, None)


def test_a_failure_is_told_with_its_error_and_when_the_node_is_asked_again(clock):
    nodes.failed("edge", "a", "down", 8)
    nodes.failed("edge", "a", "still down", 8)

    nodes.flush_if_due()

    found = node("edge", "a")
    assert (found.failures, found.error) == (2, "still down")
    assert (found.last_failure, found.retry_at) == (1_001_000, 1_001_008)
    assert found.last_success is None


def test_successes_are_told_every_ten_seconds_at_the_most(clock):
    nodes.succeeded("edge", "a")
    nodes.flush_if_due()
    clock.seconds += 9
    nodes.succeeded("edge", "a")
    with CaptureQueriesContext(connection) as queries:
        nodes.flush_if_due()
    too_early = node("edge", "a").last_success
    clock.seconds += 1
    nodes.flush_if_due()

    assert len(queries) == 0
    assert (too_early, node("edge", "a").last_success) == (1_001_000, 1_001_009)


def test_a_node_that_fails_or_comes_back_is_told_at_once(clock):
    nodes.succeeded("edge", "a")
    nodes.flush_if_due()
    nodes.failed("edge", "a", "down", 8)
    nodes.flush_if_due()
    failed = node("edge", "a")
    nodes.succeeded("edge", "a")
    nodes.flush_if_due()
    back = node("edge", "a")

    assert (failed.failures, failed.error) == (1, "down")
    assert (back.failures, back.error, back.retry_at) == (0, "", None)
    assert back.last_failure == 1_001_000


def test_what_is_no_news_is_not_told_again(clock):
    nodes.succeeded("edge", "a")
    nodes.flush_if_due()
    clock.seconds += 100

    with CaptureQueriesContext(connection) as queries:
        nodes.flush_if_due()

    assert len(queries) == 0


def test_each_node_has_one_row_whatever_the_number_of_processes(clock):
    for _ in range(2):
        nodes.succeeded("edge", "a")
        nodes.succeeded("edge", "b")
        nodes.succeeded("other", "a")
        nodes.flush_if_due()
        nodes.forget()

    assert rows() == 3


def test_what_another_process_knows_is_not_overwritten_by_nothing(clock):
    nodes.succeeded("edge", "a")
    nodes.flush_if_due()
    nodes.forget()
    nodes.failed("edge", "a", "down", 8)
    nodes.flush_if_due()

    assert node("edge", "a").last_success == 1_001_000


def test_names_and_errors_may_be_long(clock):
    alias, name = "e" * 100, "n" * 255
    nodes.failed(alias, name, "x" * 10_000, None)

    nodes.flush_if_due()

    assert len(node(alias, name).error) == 2_000


def test_a_database_that_fails_breaks_nothing_and_is_told_later(clock, monkeypatch):
    def broken(using):
        raise OperationalError("the database is down")

    nodes.failed("edge", "a", "down", 8)
    with monkeypatch.context() as patch:
        patch.setattr(sql, "clock", broken)
        nodes.flush_if_due()
    clock.seconds += 60

    nodes.flush_if_due()

    assert node("edge", "a").error == "down"


def test_without_an_outbox_nothing_is_written(clock, settings):
    settings.DUMPER_OUTBOX = False
    nodes.succeeded("edge", "a")

    with CaptureQueriesContext(connection) as queries:
        nodes.flush_if_due()

    assert len(queries) == 0


@pytest.mark.parametrize("error", [Transient("down"), Rejected("wrong token")])
def test_a_delivery_tells_of_its_nodes(settings, stage, monkeypatch, error):
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: 60.0)
    settings.DUMPER_BACKENDS = {"edge": tier("good", "bad")}
    stage.script["bad"] = failing(error)

    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    quiet()

    assert node("edge", "good").last_success is not None
    assert node("edge", "bad").error == str(error)
    delivery.forget()


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_finds_no_lock_that_a_thread_of_its_parent_held():
    with nodes._lock:
        child = os.fork()
        if child == 0:
            telling = threading.Thread(target=nodes.succeeded, args=["edge", "a"], daemon=True)
            telling.start()
            telling.join(2)
            os._exit(telling.is_alive())

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
