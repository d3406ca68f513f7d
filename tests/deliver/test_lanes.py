"""The thread of a lane stays for the next errand, and a node that rests has none."""

import threading
import time

import pytest

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.deliver.attempt import breakers
from dumper_purge.deliver.background import lanes as rules
from dumper_purge.deliver.background.lanes import Lanes
from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.breaker import THRESHOLD
from dumper_purge.deliver.carrying import background
from dumper_purge.deliver.errand import Errand
from tests.deliver.stage import StageBackend, tier

BATCH = PurgeBatch.of(["/news/"])
EDGE = StageBackend(alias="edge", location=("e",))


@pytest.fixture
def lanes():
    """Lanes that note which thread has carried out each errand."""
    changed = threading.Condition()
    done = []
    found = Lanes(
        changed, Threads(), lambda entries: done.extend([threading.current_thread()] * len(entries))
    )
    found.done = done

    def wait(count):
        with changed:
            assert changed.wait_for(lambda: len(done) >= count and found.is_idle(), 5)

    found.wait = wait
    return found


def errand():
    return Errand(backend=EDGE, node="e", batch=BATCH)


def rest(node, seconds=60.0):
    for _ in range(THRESHOLD):
        breakers.failed("edge", node, seconds)


def test_one_thread_carries_out_what_comes_while_it_stays(lanes):
    for count in (1, 2, 3):
        lanes.submit(errand())
        lanes.wait(count)

    assert len(set(lanes.done)) == 1


def test_a_thread_for_which_nothing_comes_ends_and_another_begins(lanes, monkeypatch):
    monkeypatch.setattr(rules, "_LINGERS", 0)

    for count in (1, 2):
        lanes.submit(errand())
        lanes.wait(count)
        lanes.done[-1].join(5)

    assert len(set(lanes.done)) == 2


def test_a_lane_is_idle_while_its_thread_stays(lanes):
    lanes.submit(errand())
    lanes.wait(1)

    assert lanes.errands() == []
    assert lanes.done[0].is_alive()
    assert not lanes.is_stuck(errand().lane)


def test_what_comes_as_a_thread_ends_is_carried_out(lanes, monkeypatch):
    monkeypatch.setattr(rules, "_LINGERS", 0)

    for _ in range(500):
        lanes.submit(errand())

    lanes.wait(500)
    assert len(lanes.done) == 500


def test_a_node_that_rests_has_no_thread_and_is_not_waited_for(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("good", "bad")}
    rest("bad")

    delivery.deliver(BATCH)

    assert stage.names() == [("send", "good")]
    assert [lane[1] for lane in background._lanes._lines] == ["good"]
    assert [(errand.node, errand.batch) for errand in background._timers.errands()] == [
        ("bad", BATCH)
    ]


def test_the_outer_tier_is_purged_where_all_of_the_inner_one_rest(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("bad"), "cdn": tier("c")}
    rest("bad")

    delivery.deliver(BATCH)

    assert stage.names() == [("send", "c")]


def test_a_node_that_is_probed_is_not_waited_for(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("bad"), "cdn": tier("c")}
    release = threading.Event()
    stage.script["bad"] = lambda number: release.wait(5)
    rest("bad", seconds=0)

    started = time.monotonic()
    delivery.deliver(BATCH)
    seconds = time.monotonic() - started
    during = stage.names()
    release.set()

    assert seconds < 0.4
    assert sorted(during) == [("send", "bad"), ("send", "c")]
    assert delivery.finish(5) == []
    assert stage.names().count(("send", "c")) == 2


def test_a_node_that_was_not_reached_is_not_counted(settings, stage, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("good", "bad")}
    caplog.set_level("INFO", "dumper.deliver")
    rest("bad")

    delivery.deliver(BATCH)

    assert "on 1 of 2 nodes of edge in" in caplog.text
