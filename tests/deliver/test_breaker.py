"""A node that keeps failing is left alone; then one probe asks it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from dumper_purge.backends import configured
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import breaker, retry
from dumper_purge.deliver.attempt import AttemptFailed, attempt, breakers
from dumper_purge.deliver.breaker import THRESHOLD, Breakers
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.step import Step
from dumper_purge.exceptions import Rejected, Transient
from tests.deliver.stage import failing, tier

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1_000.0)
    time = SimpleNamespace(monotonic=lambda: now.seconds, perf_counter=lambda: now.seconds)
    monkeypatch.setattr(breaker, "time", time)
    return now


def opened(seconds=5.0):
    found = Breakers()
    for _ in range(THRESHOLD):
        found.failed("edge", "a", seconds)
    return found


def test_a_node_that_never_failed_is_asked():
    assert Breakers().wait("edge", "a") == 0


def test_it_opens_at_the_third_failure_in_a_row(clock):
    found = Breakers()

    waits = []
    for _ in range(3):
        found.failed("edge", "a", 5)
        waits.append(found.wait("edge", "a"))

    assert waits == [0, 0, 5]
    assert found.rest("edge", "a") == 5


def test_a_success_between_begins_anew(clock):
    found = Breakers()

    found.failed("edge", "a", 5)
    found.failed("edge", "a", 5)
    assert found.succeeded("edge", "a") is True
    found.failed("edge", "a", 5)

    assert found.wait("edge", "a") == 0
    assert found.failures("edge", "a") == 1


def test_a_success_tells_whether_failures_came_before_it():
    found = opened()

    assert found.succeeded("edge", "a") is True
    assert found.succeeded("edge", "a") is False


def test_other_nodes_and_other_backends_are_asked(clock):
    found = opened()

    assert found.wait("edge", "b") == 0
    assert found.wait("inner", "a") == 0


def test_when_it_is_time_one_probe_is_made_and_no_second_one(clock):
    found = opened(5)

    clock.seconds += 4
    assert found.wait("edge", "a") == 1
    clock.seconds += 1
    assert found.wait("edge", "a") == 0
    assert [found.wait("edge", "a"), found.rest("edge", "a")] == [1, 1]


def test_of_many_threads_one_makes_the_probe():
    found = opened(0)
    barrier = threading.Barrier(16, timeout=5)

    def ask(number):
        barrier.wait()
        return found.wait("edge", "a")

    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(ask, range(16)))

    assert waits.count(0) == 1


def test_a_probe_that_fails_lets_the_node_alone_again(clock):
    found = opened(5)
    clock.seconds += 5
    found.wait("edge", "a")

    found.failed("edge", "a", 8)

    assert found.wait("edge", "a") == 8
    clock.seconds += 8
    assert found.wait("edge", "a") == 0


def test_a_probe_that_succeeds_closes_it(clock):
    found = opened(5)
    clock.seconds += 5
    found.wait("edge", "a")

    found.succeeded("edge", "a")

    assert [found.wait("edge", "a") for _ in range(3)] == [0, 0, 0]
    assert found.rest("edge", "a") is None


def test_a_probe_of_which_nothing_is_heard_is_followed_by_another(clock):
    found = opened(5)
    clock.seconds += 5
    assert found.wait("edge", "a") == 0

    clock.seconds += 59
    assert found.wait("edge", "a") > 0
    clock.seconds += 1

    assert found.wait("edge", "a") == 0


# In an attempt


@pytest.fixture
def errand(settings, stage, clock, monkeypatch):
    """An errand for a node that fails three times, and waits 5 s after each of them."""
    settings.DUMPER_OUTBOX = False
    settings.DUMPER_BACKENDS = {"edge": tier("a")}
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: 5.0)
    stage.script["a"] = failing(Transient("down"), times=3)
    return Errand(backend=configured()[0], node="a", batch=BATCH)


def tried(errand, times=1):
    """Return the failure of the last attempt."""
    for _ in range(times):
        with pytest.raises(AttemptFailed) as failed:
            attempt(errand)
    return failed.value


def test_an_open_breaker_keeps_an_attempt_from_the_node(errand, stage):
    tried(errand, 3)

    failure = tried(errand)

    assert len(stage.events) == 3
    assert (failure.was_tried, failure.retry_in, errand.attempts) == (False, 5, 3)


def test_a_retry_after_is_how_long_it_is_left_alone(errand, stage):
    stage.script["a"] = failing(Transient("slow down", retry_after=40))
    tried(errand, 3)

    assert tried(errand).retry_in == 40


def test_waiting_for_pages_is_never_kept_from_a_node(errand, stage):
    tried(errand, 3)
    errand.step = Step.SETTLE

    attempt(errand)

    assert stage.names()[-1] == ("settle", "a")


def test_what_is_no_outage_opens_nothing(errand, stage):
    stage.script["a"] = failing(Rejected("wrong token"))

    tried(errand, 4)

    assert len(stage.events) == 4
    assert breakers.rest("edge", "a") is None


def test_a_failure_in_the_wait_for_pages_opens_nothing(errand, stage):
    errand.step = Step.SETTLE

    def down():
        raise Transient("down")

    stage.settling["a"] = down
    tried(errand, 4)

    assert breakers.rest("edge", "a") is None


@pytest.mark.parametrize("error", [Rejected("wrong token"), KeyError("bug")])
def test_a_probe_that_fails_in_another_way_keeps_no_other_purge_waiting(
    errand, stage, clock, error
):
    """The node has answered: nothing tells that it is down any more."""
    tried(errand, 3)
    clock.seconds += 5
    stage.script["a"] = failing(error)
    tried(errand)
    stage.script.clear()

    clock.seconds += 10

    assert attempt(Errand(backend=errand.backend, node="a", batch=BATCH)) is True


def test_a_probe_that_the_rate_forbids_is_none(errand, settings, stage, clock, monkeypatch):
    """What was not asked will never report, and the node would be left alone for a minute."""
    tried(errand, 3)
    clock.seconds += 5
    with monkeypatch.context() as patch:
        patch.setattr("dumper_purge.deliver.bucket.take", lambda backend, batch: 0.5)
        assert tried(errand).was_tried is False

    clock.seconds += 0.5

    assert attempt(errand) is True
