"""What a backend takes in a second, of all processes together."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from dumper_purge.backends import configured
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import bucket, delivery
from dumper_purge.deliver.outbox import sql, table
from tests.deliver.rows import entries, node, quiet
from tests.deliver.stage import StageBackend, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture(autouse=True)
def _full(monkeypatch):
    monkeypatch.setattr(bucket, "_own", {})
    monkeypatch.setattr(bucket, "_warned", {})


@pytest.fixture(params=["shared", "own"])
def clock(request, settings, monkeypatch):
    """The clock of the database, and that of a process without an outbox."""
    now = SimpleNamespace(seconds=1_000.0)
    settings.DUMPER_OUTBOX = request.param == "shared"
    monkeypatch.setattr(sql, "clock", lambda using: now.seconds)
    monkeypatch.setattr(bucket, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def edge(**options):
    return StageBackend(alias="edge", location=("a",), **options)


def take(backend, times=1):
    return [bucket.take(backend, BATCH) for _ in range(times)]


def test_without_a_rate_nothing_is_counted():
    with CaptureQueriesContext(connection) as queries:
        assert take(edge(), 100) == [0] * 100

    assert len(queries) == 0


def test_a_burst_may_go_at_once_and_then_each_at_its_time(clock):
    assert take(edge(rate=2, burst=3), 4) == [0, 0, 0, 0.5]


def test_what_is_refused_costs_nothing(clock):
    backend = edge(rate=2)
    assert take(backend, 3) == [0, 0.5, 0.5]

    clock.seconds += 0.5

    assert take(backend) == [0]


def test_it_fills_up_to_the_burst_and_not_higher(clock):
    backend = edge(rate=1, burst=3)
    take(backend, 3)

    clock.seconds += 1_000

    assert take(backend, 4) == [0, 0, 0, 1]


def test_what_costs_more_than_it_holds_goes_when_it_is_full_and_is_paid_for_later(
    clock, monkeypatch
):
    monkeypatch.setattr(StageBackend, "cost", lambda self, batch: len(batch))
    backend = edge(rate=1, burst=3)
    dear = PurgeBatch.of([f"/{i}/" for i in range(10)])
    take(backend)

    refused = bucket.take(backend, dear)
    clock.seconds += 1
    accepted = bucket.take(backend, dear)

    assert (refused, accepted, take(backend)) == (1, 0, [8])


def test_a_clock_that_is_set_back_takes_nothing_away(clock):
    backend = edge(rate=1, burst=2)
    take(backend)

    clock.seconds -= 500

    assert take(backend, 2) == [0, 1]


def test_each_backend_has_its_own(clock):
    take(edge(rate=1))

    assert bucket.take(StageBackend(alias="outer", location=("a",), rate=1), BATCH) == 0


def test_processes_share_it_through_the_database(monkeypatch):
    backend = edge(rate=0.001, burst=2)
    take(backend)
    monkeypatch.setattr(bucket, "_own", {})

    waits = take(backend, 2)

    assert (waits[0], waits[1] > 900) == (0, True)
    assert node("edge").tokens < 0.1


def test_whoever_asks_at_the_same_moment_gets_no_more_than_there_is(caplog):
    """SQLite refuses at once a transaction that has read when another writes."""
    barrier = threading.Barrier(4, timeout=10)

    def ask(_):
        barrier.wait()
        try:
            return take(edge(rate=0.001, burst=10), 10)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        waits = list(chain.from_iterable(threads.map(ask, range(4))))

    assert waits.count(0) == 10
    assert "is not shared" not in caplog.text


def test_a_database_that_fails_leaves_each_process_to_itself(monkeypatch, caplog):
    def broken(using):
        raise OperationalError("the database is down")

    monkeypatch.setattr(sql, "clock", broken)
    backend = edge(rate=0.001)

    waits = take(backend, 2)

    assert (waits[0], waits[1] > 900) == (0, True)
    assert "The budget of edge is not shared: the database is down" in caplog.text


def test_what_is_nearly_spent_is_told_once_a_minute(clock, caplog):
    backend = edge(rate=0.001, burst=5)

    take(backend, 4)
    assert caplog.text == ""
    take(backend, 5)
    assert caplog.text.count("edge has 0 of its 5 purges left") == 1
    clock.seconds += 61
    take(backend)

    assert caplog.text.count("of its 5 purges left") == 2


def test_a_backend_without_a_burst_is_not_told_of(clock, caplog):
    take(edge(rate=1), 5)

    assert caplog.text == ""


# In a delivery


@pytest.fixture
def slowly(settings, monkeypatch):
    """One purge, and the next in 1,000 s."""
    settings.DUMPER_BACKENDS = {"edge": tier("a", rate=0.001)}
    assert take(configured()[0]) == [0]
    yield
    delivery.forget()


def test_what_the_rate_forbids_is_left_for_later_and_is_no_failure(slowly, stage, signals):
    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    quiet()

    (row,) = entries()
    assert (stage.events, signals) == ([], [])
    assert (row.alias, row.step, row.attempts, row.state) == ("edge", "send", 0, "pending")
    assert 990 < row.due - sql.clock("default") <= 1_000


def test_without_an_outbox_it_is_left_to_a_timer(slowly, settings, stage):
    settings.DUMPER_OUTBOX = False
    take(configured()[0])

    delivery.deliver(BATCH)

    assert stage.events == []
    assert [str(entry) for entry in delivery.finish(0)] == ["edge at a"]


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_finds_no_lock_that_a_thread_of_its_parent_held(settings):
    settings.DUMPER_OUTBOX = False
    backend = edge(rate=1)
    with bucket._lock:
        child = os.fork()
        if child == 0:
            taking = threading.Thread(target=take, args=[backend], daemon=True)
            taking.start()
            taking.join(2)
            os._exit(taking.is_alive())

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
