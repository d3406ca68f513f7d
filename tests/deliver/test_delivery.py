"""One batch, from the fence to the outermost tier."""

import logging
import threading
import time

import pytest
from django.core.signals import request_finished, request_started

from dumper_purge.backends.locmem import LocMemBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, tiers
from dumper_purge.deliver.attempt import breakers
from dumper_purge.deliver.synchronous import purge_and_wait
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.respond import fence
from dumper_purge.signals import purge_failed, purge_sent
from tests.deliver.stage import failing, tier

BATCH = PurgeBatch.of(["/news/"])


def sent(stage):
    return [node for step, node in stage.names() if step == "send"]


def test_the_fence_comes_first_then_the_tiers_from_the_innermost(settings, stage, monkeypatch):
    settings.DUMPER_BACKENDS = {"inner": tier("i"), "middle": tier("m"), "outer": tier("o")}
    monkeypatch.setattr(fence, "record", lambda batch: stage.happened("record", "fence"))

    delivery.deliver(BATCH)

    assert stage.names() == [("record", "fence"), ("send", "i"), ("send", "m"), ("send", "o")]


def test_what_was_recorded_is_not_recorded_again(settings, stage, monkeypatch):
    settings.DUMPER_BACKENDS = {"inner": tier("i")}
    monkeypatch.setattr(fence, "record", lambda batch: stage.happened("record", "fence"))

    delivery.deliver(BATCH, recorded=True)

    assert stage.names() == [("send", "i")]


def test_recording_alone_sends_nothing(settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("i")}
    before = fence.generation("news")

    delivery.record(PurgeBatch.of(tags=["news"]))

    assert stage.events == []
    assert fence.generation("news") != before


def test_nothing_is_nothing(settings, stage, signals, monkeypatch):
    settings.DUMPER_BACKENDS = {"inner": tier("i")}
    monkeypatch.setattr(fence, "record", lambda batch: stage.happened("record", "fence"))

    delivery.deliver(PurgeBatch())
    delivery.record(PurgeBatch())

    assert (stage.events, signals) == ([], [])


def test_all_nodes_of_a_tier_are_purged_at_once(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("a", "b", "c")}
    barrier = threading.Barrier(3, timeout=5)
    for node in "abc":
        stage.script[node] = lambda number: barrier.wait()

    delivery.deliver(BATCH)

    assert sorted(sent(stage)) == ["a", "b", "c"]
    assert not barrier.broken


def test_an_outer_tier_waits_for_the_inner_one(settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("a", "b"), "outer": tier("o")}
    stage.script["b"] = lambda number: time.sleep(0.1)

    delivery.deliver(BATCH)

    assert sent(stage)[-1] == "o"
    assert stage.events[-1][3] - stage.events[0][3] >= 0.1


def test_an_outer_tier_does_not_wait_for_ever_and_is_purged_again(settings, stage, monkeypatch):
    monkeypatch.setattr(tiers, "PATIENCE", 0.1)
    settings.DUMPER_BACKENDS = {"inner": tier("fast", "slow"), "outer": tier("o")}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5)

    delivery.deliver(BATCH)
    in_time = sent(stage)
    release.set()
    stage.wait_for(4)

    assert sorted(in_time) == ["fast", "o", "slow"]
    assert sent(stage)[3:] == ["o"]


def test_after_a_late_inner_success_the_outer_tiers_are_purged_again(settings, stage, soon):
    settings.DUMPER_BACKENDS = {"inner": tier("i"), "middle": tier("m"), "outer": tier("o")}
    outer_was_purged = threading.Event()
    stage.script["o"] = lambda number: outer_was_purged.set()

    def down_twice(number):
        assert number == 0 or outer_was_purged.wait(5)
        if number < 2:
            raise Transient("down")

    stage.script["i"] = down_twice

    delivery.deliver(BATCH)
    stage.wait_for(7)
    assert delivery.finish(5) == []

    nodes = sent(stage)
    assert sorted(nodes) == sorted(["i", "m", "o", "i", "i", "m", "o"])
    # The second attempt on "i" is made while "o" is being purged, or right before.
    assert [nodes[0], nodes[1], *nodes[-3:]] == ["i", "m", "i", "m", "o"]


def test_a_finished_waiting_purge_counts_as_a_late_success(settings, stage, soon):
    settings.DUMPER_BACKENDS = {"inner": tier("i", waiting=True), "outer": tier("o")}
    arrived = threading.Event()
    stage.settling["i"] = lambda: arrived.wait(5)

    delivery.deliver(BATCH)
    assert sent(stage) == ["i", "o"]
    arrived.set()
    assert delivery.finish(5) == []

    assert sent(stage) == ["i", "o", "o"]


def test_a_waiting_purge_holds_up_no_other_purge(settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("i", waiting=True)}
    arrived = threading.Event()
    stage.settling["i"] = lambda: arrived.wait(5)

    delivery.deliver(BATCH)
    stage.wait_for(2)
    delivery.deliver(PurgeBatch.of(["/other/"]))

    assert sent(stage) == ["i", "i"]
    arrived.set()


def test_the_second_purge_comes_after_its_delay_and_purges_the_outer_tiers_too(
    settings, stage, soon
):
    settings.DUMPER_BACKENDS = {"inner": tier("i", repeat_after=0.2), "outer": tier("o")}

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    assert sent(stage) == ["i", "o", "i", "o"]
    times = [event[3] for event in stage.events]
    assert 0.2 <= times[2] - times[0] < 1.0
    assert stage.events[2][2] == BATCH


def test_the_second_purge_of_an_outer_tier_follows_each_of_its_purges(settings, stage, soon):
    settings.DUMPER_BACKENDS = {
        "inner": tier("i", repeat_after=0.05), "outer": tier("o", repeat_after=0.2)
    }  # fmt: skip

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    inner = max(event[3] for event in stage.events if event[1] == "i")
    outer = max(event[3] for event in stage.events if event[1] == "o")
    assert sent(stage).count("i") == 2
    assert outer - inner >= 0.2


def test_replica_lag_is_waited_out_by_a_second_purge(settings, stage, monkeypatch):
    settings.DUMPER_REPLICA_LAG = 0.1
    monkeypatch.setattr("dumper_purge.deliver.followups._BEYOND_LAG", 0.1)
    settings.DUMPER_BACKENDS = {"edge": tier("e", waiting=True)}

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    sends = [event[3] for event in stage.events if event[0] == "send"]
    assert len(sends) == 2
    assert sends[1] - sends[0] >= 0.2


def test_one_dead_node_neither_delays_nor_hides_the_others(settings, stage, signals, soon):
    settings.DUMPER_BACKENDS = {"edge": tier("dead", "slow", "good")}
    release = threading.Event()
    stage.script["dead"] = failing(Transient("down"))
    stage.script["slow"] = lambda number: release.wait(5)
    settings.DUMPER_INLINE_BUDGET = 0.1

    started = time.monotonic()
    for _ in range(5):
        delivery.deliver(BATCH)
    seconds = time.monotonic() - started

    assert sent(stage).count("good") == 5
    assert signals.count(("sent", "edge", "good", 1)) == 5
    assert seconds < 2
    release.set()


def test_the_request_goes_on_when_its_budget_is_spent(settings, stage, signals):
    settings.DUMPER_INLINE_BUDGET = 0.1
    settings.DUMPER_BACKENDS = {"edge": tier("slow")}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5)

    started = time.monotonic()
    delivery.deliver(BATCH)
    seconds = time.monotonic() - started
    before = list(signals)
    release.set()
    assert delivery.finish(5) == []

    assert 0.1 <= seconds < 0.5
    assert before == []
    assert signals == [("sent", "edge", "slow", 1)]


@pytest.mark.django_db
def test_the_budget_is_of_a_request_not_of_each_of_its_batches(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0.2
    settings.DUMPER_BACKENDS = {"edge": tier("slow")}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5)

    request_started.send(sender=None)
    started = time.monotonic()
    for _ in range(4):
        delivery.deliver(BATCH)
    in_request = time.monotonic() - started
    request_finished.send(sender=None)
    started = time.monotonic()
    for _ in range(2):
        delivery.deliver(BATCH)
    outside = time.monotonic() - started
    release.set()

    assert 0.2 <= in_request < 0.5
    assert 0.4 <= outside < 0.8


def test_a_budget_of_zero_waits_for_nothing(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("slow")}
    stage.script["slow"] = lambda number: time.sleep(0.3)

    started = time.monotonic()
    delivery.deliver(BATCH)
    seconds = time.monotonic() - started

    assert seconds < 0.2
    assert delivery.finish(5) == []


def test_a_busy_node_is_sent_what_waits_for_it_as_one_batch(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("slow")}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5) if number == 0 else None

    delivery.deliver(PurgeBatch.of(["/0/"]))
    stage.wait_for(1)
    for i in range(1, 50):
        delivery.deliver(PurgeBatch.of([f"/{i}/"]))
    release.set()
    assert delivery.finish(5) == []

    batches = [event[2] for event in stage.events]
    assert [len(batch) for batch in batches] == [1, 49]


def test_a_transient_failure_is_retried_and_told(settings, stage, signals, soon, caplog):
    caplog.set_level(logging.INFO, "dumper.deliver")
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("it is down."), times=2)

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    assert signals == [
        ("failed", "edge", "e", 1), ("failed", "edge", "e", 2), ("sent", "edge", "e", 3)
    ]  # fmt: skip
    levels = [r.levelname for r in caplog.records if r.name == "dumper.deliver"]
    assert levels.count("WARNING") == 2
    assert "Could not purge 1 path on edge at e: it is down. Next attempt in" in caplog.text


def test_a_rejection_is_final(settings, stage, signals, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Rejected("wrong token."))

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    assert signals == [("given up", "edge", "e", 1)]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "edge at e: wrong token. It is not tried again." in record.getMessage()


def test_a_node_that_comes_back_late_is_purged(settings, stage, signals, soon, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("down."), times=40)

    delivery.deliver(BATCH)
    assert delivery.finish(10) == []

    assert signals[-2:] == [("failed", "edge", "e", 40), ("sent", "edge", "e", 41)]
    assert stage.events[-1][2] == BATCH
    # The 8th attempt and the 28th.
    assert [r.levelname for r in caplog.records].count("ERROR") == 2


def test_a_node_that_keeps_failing_is_an_error_although_it_is_owed_more_and_more(
    settings, stage, signals, soon, caplog
):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("down."))

    deadline = time.monotonic() + 5
    while not (errors := [r for r in caplog.records if r.levelname == "ERROR"]):
        assert time.monotonic() < deadline
        delivery.deliver(BATCH)

    assert "Next attempt in" in errors[0].getMessage()


def test_waiting_for_a_node_that_stays_down_is_bounded(settings, stage, soon):
    settings.DUMPER_BACKENDS = {"edge": tier("e", "f")}
    stage.script["e"] = failing(Transient("down."))

    started = time.monotonic()
    errors = purge_and_wait([BATCH], 0.5).errors

    assert 0.5 <= time.monotonic() - started < 2
    assert errors["edge at f"] is None
    assert str(errors["edge at e"]) == "down."


def test_a_backend_with_a_bug_is_given_up_in_the_end(settings, stage, signals, soon, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(KeyError("bug"))

    delivery.deliver(BATCH)
    assert delivery.finish(10) == []

    assert signals[-1] == ("given up", "edge", "e", 8)
    assert len(signals) == 8
    assert caplog.records[-1].levelname == "ERROR"


def test_a_backend_with_a_bug_is_retried_and_its_traceback_logged(settings, stage, soon, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(KeyError("bug"), times=1)

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    assert sent(stage) == ["e", "e"]
    assert "Traceback" in caplog.text


def test_a_receiver_that_raises_hurts_nobody(settings, stage, caplog):
    settings.DUMPER_BACKENDS = {"inner": tier("i"), "outer": tier("o")}

    def broken(**kwargs):
        raise RuntimeError("receiver")

    purge_sent.connect(broken)
    purge_failed.connect(broken)
    try:
        stage.script["o"] = failing(Rejected("no."))
        delivery.deliver(BATCH)
    finally:
        purge_sent.disconnect(broken)
        purge_failed.disconnect(broken)

    assert sent(stage) == ["i", "o"]
    assert "broken" in caplog.text


def test_a_failed_generation_write_is_retried_until_it_succeeds(
    settings, stage, signals, soon, monkeypatch
):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    record, failures = fence.record, iter(range(12))

    def unsteady(batch):
        if next(failures, None) is not None:
            raise Transient("the cache is down.")
        record(batch)

    monkeypatch.setattr(fence, "record", unsteady)
    before = fence.generation("menu")

    delivery.deliver(PurgeBatch.of(["/x/"], tags=["menu"]))
    assert sent(stage) == ["e"]
    stage.wait_for(2)
    assert delivery.finish(5) == []

    assert sent(stage) == ["e", "e"]
    assert ("failed", "fence", "fence", 12) in signals
    assert ("sent", "fence", "fence", 13) in signals
    assert fence.generation("menu") != before


def test_a_failed_record_is_followed_by_a_delivery_of_its_own(settings, stage, soon, monkeypatch):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    failures = iter([1])

    def unsteady(batch):
        if next(failures, None):
            raise Transient("the cache is down.")

    monkeypatch.setattr(fence, "record", unsteady)

    delivery.record(BATCH)
    stage.wait_for(1)

    assert stage.events[0][2] == BATCH


def test_a_line_never_says_purged_where_a_node_was_not_reached(settings, stage, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("good", "down")}
    stage.script["down"] = failing(Rejected("no."))
    with caplog.at_level("INFO", "dumper.deliver"):
        delivery.deliver(BATCH)
        delivery.finish(5)

    (line,) = [text for text in caplog.messages if text.startswith("Purged")]
    assert "on 1 of 2 nodes of edge in" in line
    assert line.endswith("; the rest is tried again, or kept.")


@pytest.mark.parametrize(
    "backend", ["nowhere.Backend", "django.core.cache.backends.dummy.DummyCache"]
)
def test_a_wrong_setting_breaks_no_save_and_is_told(settings, signals, caplog, backend):
    settings.DUMPER_BACKENDS = {"edge": {"BACKEND": backend}}

    delivery.deliver(BATCH)

    assert ("given up", "", "", 0) in signals
    assert backend in caplog.text


def test_without_io_nothing_starts_a_thread(settings, stage, monkeypatch):
    settings.DUMPER_BACKENDS = {
        "pages": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
        "none": {"BACKEND": "dumper_purge.backends.dummy.DummyBackend"},
        "test": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"},
    }
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread"))
    LocMemBackend.sent("test").clear()

    delivery.deliver(BATCH)

    assert LocMemBackend.sent("test") == [BATCH]


def test_one_line_is_logged_for_a_batch(settings, stage, caplog):
    caplog.set_level(logging.INFO, "dumper.deliver")
    settings.DUMPER_BACKENDS = {"inner": tier("a", "b"), "outer": tier("o")}

    delivery.deliver(BATCH)

    (record,) = caplog.records
    assert "Purged 1 path on 2 of 2 nodes of inner, 1 of 1 nodes of outer in" in record.getMessage()


def test_a_node_that_is_back_is_given_at_once_what_it_is_owed(settings, stage, monkeypatch):
    monkeypatch.setattr("dumper_purge.deliver.retry.random.uniform", lambda low, high: 60.0)
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("down"), times=2)

    delivery.deliver(PurgeBatch.of(["/1/"]))
    delivery.deliver(PurgeBatch.of(["/2/"]))
    delivery.deliver(PurgeBatch.of(["/3/"]))
    assert delivery.finish(5) == []

    assert [event[2] for event in stage.events][2:] == [
        PurgeBatch.of(["/3/"]), PurgeBatch.of(["/1/", "/2/"])
    ]  # fmt: skip


def test_what_a_dead_node_is_owed_stays_bounded(settings, stage, monkeypatch):
    settings.DUMPER_BACKLOG_LIMIT = 10
    monkeypatch.setattr("dumper_purge.deliver.retry.random.uniform", lambda low, high: 60.0)
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("down"), times=3)

    for i in range(20):
        delivery.deliver(PurgeBatch.of([f"/{i}/"]))
    assert len(delivery.finish(0)) == 1
    assert len(stage.events) == 3
    breakers.forget()
    delivery.deliver(PurgeBatch.of(["/back/"]))
    assert delivery.finish(5) == []

    assert stage.events[-1][2] == PurgeBatch(everything=True)


def test_a_record_that_failed_in_an_unknown_way_is_not_trusted(settings, monkeypatch, soon):
    def broken(batch):
        raise TypeError("bug")

    with monkeypatch.context() as patch:
        patch.setattr(fence, "record", broken)
        delivery.record(BATCH)
        assert not fence.trusted()
        delivery.forget()
    delivery.record(BATCH)

    assert fence.trusted()
