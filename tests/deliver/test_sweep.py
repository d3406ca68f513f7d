"""Rows of the outbox that are due, carried out by whoever finds them."""

import threading
import time

import pytest
from django.db import OperationalError

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, retry
from dumper_purge.deliver.carrying import sweeper
from dumper_purge.deliver.outbox import claims, outboxes, sql, table
from dumper_purge.deliver.sweep import carry_out, sweep
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.respond import fence
from tests.deliver.rows import batches, entries, put, quiet, targets
from tests.deliver.stage import failing, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture(autouse=True)
def _two_tiers(settings):
    settings.DUMPER_BACKENDS = {"inner": tier("a", "b"), "outer": tier("o")}


@pytest.fixture(autouse=True)
def _much_later(monkeypatch):
    """Let no retry come within a test."""
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: 60.0)
    yield
    delivery.forget()


def sent(stage):
    """Return the nodes and paths of each purge."""
    return sorted(
        (node, *sorted(batch.paths)) for step, node, batch, _ in stage.events if step == "send"
    )


# Targets


def test_a_row_for_all_backends_goes_through_all_tiers_and_is_gone(stage):
    put("/news/")

    assert sweep() == 1

    assert stage.names()[-1] == ("send", "o")
    assert sent(stage) == [("a", "/news/"), ("b", "/news/"), ("o", "/news/")]
    assert entries() == []


def test_a_row_for_all_backends_is_recorded_first(stage, monkeypatch):
    monkeypatch.setattr(fence, "record", lambda batch: stage.happened("record", "fence"))
    put("/news/")

    sweep()

    assert stage.names()[0] == ("record", "fence")


def test_a_row_for_one_backend_is_sent_to_all_nodes_of_it(stage):
    put("/news/", alias="outer")

    sweep()

    assert sent(stage) == [("o", "/news/")]
    assert entries() == []


def test_a_row_for_one_node_is_sent_to_it_and_then_leaves_the_outer_tiers(stage):
    put("/news/", alias="inner", node="b")

    sweep()
    assert targets() == [("outer", "", "send", "pending")]
    assert batches() == [BATCH]
    assert sent(stage) == [("b", "/news/")]
    sweep()

    assert sent(stage) == [("b", "/news/"), ("o", "/news/")]
    assert entries() == []


def test_the_outer_tiers_of_a_late_success_are_purged_by_the_same_process_in_time(stage):
    put("/news/", alias="inner", node="b")

    sweep()
    assert delivery.finish(5) == []

    assert sent(stage) == [("b", "/news/"), ("o", "/news/")]
    assert entries() == []


def test_what_is_late_in_the_outermost_tier_leaves_nothing(stage):
    put("/news/", alias="outer", node="o")

    sweep()

    assert entries() == []


def test_a_failure_of_a_late_node_leaves_that_node_and_no_outer_tier(stage):
    stage.script["b"] = failing(Transient("down"))
    put("/news/", alias="inner", node="b", attempts=4)

    sweep()

    (row,) = entries()
    assert targets() == [("inner", "b", "send", "pending")]
    assert (row.attempts, row.error) == (5, "down")
    assert 50 < row.due - sql.clock("default") <= 60


def test_a_node_that_fails_leaves_the_others_done(stage):
    stage.script["b"] = failing(Transient("down"))
    put("/news/")

    sweep()

    assert targets() == [("inner", "b", "send", "pending")]
    assert sent(stage) == [("a", "/news/"), ("b", "/news/"), ("o", "/news/")]


def test_a_row_for_the_fence_records_it_and_leaves_all_tiers(stage):
    before = fence.generation("menu")
    put(batch=PurgeBatch.of(tags=["menu"]), alias="fence", node="fence")

    sweep()

    assert fence.generation("menu") != before
    assert stage.events == []
    assert targets() == [("inner", "", "send", "pending"), ("outer", "", "send", "pending")]


def test_a_row_for_the_fence_is_never_given_up(monkeypatch):
    def broken(batch):
        raise KeyError("bug")

    monkeypatch.setattr(fence, "record", broken)
    put("/news/", alias="fence", node="fence", attempts=1_000)

    sweep()

    assert targets() == [("fence", "fence", "send", "pending")]


def test_a_batch_whose_generations_cannot_be_recorded_leaves_the_fence_and_goes_on(
    stage, monkeypatch
):
    def down(batch):
        raise Transient("the cache is down")

    monkeypatch.setattr(fence, "record", down)
    put("/news/")

    sweep()

    assert targets() == [("fence", "fence", "send", "pending")]
    assert sent(stage) == [("a", "/news/"), ("b", "/news/"), ("o", "/news/")]


# Second purges, and the wait for pages


def test_the_second_purge_is_a_row_of_its_own(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("a", "b", repeat_after=60)}
    put("/news/")

    sweep()

    assert targets() == [("edge", "", "repeat", "pending")]
    assert 50 < entries()[0].due - sql.clock("default") <= 60


def test_a_second_purge_has_none_itself_and_leaves_the_outer_tiers(settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("i", repeat_after=60), "outer": tier("o")}
    put("/news/", alias="inner", step="repeat")

    sweep()

    assert sent(stage) == [("i", "/news/")]
    assert targets() == [("outer", "", "send", "pending")]


def test_a_second_purge_that_fails_is_still_the_second_one(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=60)}
    stage.script["e"] = failing(Transient("down"))
    put("/news/", alias="edge", node="e", step="repeat")

    sweep()

    assert [target[2] for target in targets()] == ["repeat"]


@pytest.mark.parametrize("waited", [True, False])
def test_a_wait_for_pages_leaves_the_outer_tiers_if_there_was_something_to_wait_for(
    settings, stage, waited
):
    settings.DUMPER_BACKENDS = {"inner": tier("i", waiting=waited), "outer": tier("o")}
    put("/news/", alias="inner", node="i", step="settle")

    sweep()

    assert stage.names() == [("settle", "i")]
    assert targets() == [("outer", "", "send", "pending")] * waited


def test_a_wait_for_pages_that_fails_comes_again(settings, stage):
    def down():
        raise Transient("down")

    settings.DUMPER_BACKENDS = {"inner": tier("i", waiting=True), "outer": tier("o")}
    stage.settling["i"] = down
    put("/news/", alias="inner", node="i", step="settle")

    sweep()

    assert targets() == [("inner", "", "settle", "pending")]


def test_saves_that_follow_one_another_closely_share_their_second_purge(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.4)}
    started = time.monotonic()

    for number in range(10):
        batch = PurgeBatch.of([f"/{number}/"])
        delivery.deliver(batch, entries=[table.write(batch, "default", lease=9)])
    seconds = time.monotonic() - started
    assert delivery.finish(5) == []

    repeated = [event[2].paths for event in stage.events[10:]]
    assert set().union(*repeated) == {f"/{number}/" for number in range(10)}
    # It sweeps every quarter of a second at the most.
    assert len(repeated) <= 2 + seconds / 0.25
    assert entries() == []


def test_no_second_purge_is_forgotten_by_a_process_that_has_nothing_else_to_do(settings, stage):
    """The later one is due when the earlier one has been carried out already."""
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.4)}

    for number in range(2):
        batch = PurgeBatch.of([f"/{number}/"])
        delivery.deliver(batch, entries=[table.write(batch, "default", lease=9)])
        time.sleep(0.2)
    assert delivery.finish(5) == []

    assert set().union(*(event[2].paths for event in stage.events[2:])) == {"/0/", "/1/"}
    assert entries() == []


def test_second_purges_of_two_tiers_with_different_delays_are_both_carried_out(settings, stage):
    settings.DUMPER_BACKENDS = {
        "one": tier("x", repeat_after=0.2), "two": tier("y", repeat_after=0.5)
    }  # fmt: skip

    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    assert delivery.finish(5) == []

    assert stage.names().count(("send", "x")) == 2
    assert stage.names().count(("send", "y")) >= 2
    assert entries() == []


# Merging


def test_rows_with_the_same_target_are_sent_as_one(stage):
    for number in range(10):
        put(f"/{number}/", alias="outer", attempts=number)

    assert sweep() == 10

    assert [len(event[2]) for event in stage.events] == [10]
    assert entries() == []


def test_rows_with_different_targets_are_not_mixed(stage):
    put("/all/")
    put("/b/", alias="inner", node="b")
    put("/o/", alias="outer", node="o")

    sweep()

    paths = {node: set() for node in "abo"}
    for _, node, batch, _ in stage.events:
        paths[node] |= batch.paths
    assert paths == {"a": {"/all/"}, "b": {"/all/", "/b/"}, "o": {"/all/", "/o/"}}


def test_what_fails_of_merged_rows_is_one_row_with_all_of_it_as_old_as_the_oldest(stage):
    stage.script["b"] = failing(Transient("down"))
    for age in (10, 500, 20):
        put(f"/{age}/", alias="inner", node="b", age=age)

    sweep()

    (row,) = entries()
    assert batches() == [PurgeBatch.of(["/10/", "/500/", "/20/"])]
    assert 499 < sql.clock("default") - row.created < 560


def test_a_thousand_rows_and_more_are_taken_up_in_several_handfuls(stage, monkeypatch):
    monkeypatch.setattr("dumper_purge.deliver.upkeep.sweeper.AT_ONCE", 4)
    for number in range(10):
        put(f"/{number}/", alias="outer")

    assert sweep() == 10

    assert set().union(*(event[2].paths for event in stage.events)) == {
        f"/{number}/" for number in range(10)
    }
    assert entries() == []


# Dead letters


def test_a_rejected_row_is_kept_as_a_dead_letter_and_is_taken_up_no_more(stage, signals):
    stage.script["b"] = failing(Rejected("wrong token"))
    put("/news/")

    sweep()
    assert sweep() == 0

    assert targets() == [("inner", "b", "send", "dead")]
    assert entries()[0].error == "wrong token"
    assert ("given up", "inner", "b", 1) in signals


def test_a_bug_is_a_dead_letter_in_the_end(stage):
    stage.script["o"] = failing(KeyError("bug"))
    put("/news/", alias="outer", node="o", attempts=7)

    sweep()

    assert targets() == [("outer", "", "send", "dead")]


def test_a_backend_that_is_no_more_leaves_a_dead_letter_that_says_what_to_do(stage, caplog):
    put("/news/", alias="gone")
    put("/news/", alias="inner", node="gone")

    sweep()

    assert targets() == [("gone", "", "send", "dead"), ("inner", "gone", "send", "dead")]
    errors = [row.error for row in entries()]
    assert all("manage.py dumper failed" in error for error in errors)
    assert "has no 'inner' with the node 'gone'" in "".join(errors)
    assert caplog.text.count("ERROR") == 2


def test_a_batch_of_another_version_purges_everything(stage, caplog):
    put(alias="outer")
    entry = entries()[0]
    entry.batch = '{"v":99,"orbits":["/news/"]}'
    entry.save()

    sweep()

    assert [event[2] for event in stage.events] == [PurgeBatch(everything=True)]
    assert "was written by another version of dumper_purge" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{", '{"v":1,"orbits":["/x/"]}', '{"v":1,"paths":5}'])
def test_a_batch_that_cannot_be_read_purges_everything(stage, text):
    put(alias="outer")
    entry = entries()[0]
    entry.batch = text
    entry.save()

    sweep()

    assert [event[2] for event in stage.events] == [PurgeBatch(everything=True)]
    assert entries() == []


def test_a_step_of_another_version_holds_up_no_other_row(stage):
    put("/news/", alias="outer", step="future", seconds=-5)
    put("/other/", alias="outer")

    sweep()

    assert ("o", "/other/") in sent(stage)


# What is due


def test_what_is_not_due_is_left_alone(stage):
    put("/news/", seconds=60)

    assert sweep() == 0

    assert stage.events == []


def test_what_is_claimed_is_not_taken_up_by_another(stage):
    release, begun = threading.Event(), threading.Event()

    def hold(number):
        begun.set()
        release.wait(5)

    stage.script["o"] = hold
    put("/news/", alias="outer")
    receipts = sweeper.sweep()
    assert begun.wait(5)

    assert sweeper.sweep() == []
    release.set()
    assert receipts[0].closed.wait(5)
    assert entries() == []


def test_what_a_process_that_died_had_claimed_is_taken_up_after_the_lease(stage):
    put("/news/", alias="outer")
    (claimed,) = claims.claim("default", limit=9, lease=30)
    assert sweep() == 0

    put("/other/", seconds=60)
    row = next(row for row in entries() if row.pk == claimed.ref.id)
    assert 25 < row.due - sql.clock("default") <= 30
    row.due -= 30
    row.save()

    assert sweep() == 1
    assert sent(stage) == [("o", "/news/")]


def test_a_sweep_returns_when_every_node_was_asked(stage):
    put("/news/")
    threading.Timer(0.1, stage.happened, ["timer", "-"]).start()
    stage.script["o"] = lambda number: stage.wait_for(4)

    sweep()

    assert stage.names()[-2:] == [("send", "o"), ("timer", "-")]
    assert entries() == []


# Entries by their ids


def test_named_entries_are_carried_out_whether_they_are_due_or_not(stage):
    first, second = put("/1/", seconds=5), put("/2/", seconds=5)
    put("/3/", seconds=5)

    carry_out("default", [first, second])

    assert set().union(*(event[2].paths for event in stage.events)) == {"/1/", "/2/"}
    assert batches() == [PurgeBatch.of(["/3/"])]


def test_entries_that_are_gone_or_dead_are_left_out(stage):
    dead = put("/dead/", state="dead")

    carry_out("default", ["gone", dead])
    carry_out("default", [])

    assert stage.events == []
    assert targets() == [("", "", "send", "dead")]


def test_entries_of_a_database_are_of_that_database(stage):
    here, there = put("/here/"), put("/there/", using="other")

    carry_out("other", [here, there])

    assert batches() == [PurgeBatch.of(["/here/"])]
    assert entries("other") == []


# Databases


def test_all_databases_are_swept(stage):
    put("/here/")
    put("/there/", using="other")

    assert sweep() == 2

    assert entries("default") == entries("other") == []


def test_what_is_left_stays_in_the_database_it_came_from(stage):
    stage.script["b"] = failing(Transient("down"))
    put("/here/", alias="inner", node="b")
    put("/there/", alias="inner", node="b", using="other")

    sweep()

    assert batches() == [PurgeBatch.of(["/here/"])]
    assert batches("other") == [PurgeBatch.of(["/there/"])]


def test_a_database_that_fails_keeps_no_other_from_being_swept(stage, monkeypatch, caplog):
    claim = claims.claim

    def partly(using, **options):
        if using == "default":
            raise OperationalError("the database is down")
        return claim(using, **options)

    monkeypatch.setattr(claims, "claim", partly)
    put("/there/", using="other")

    assert sweep() == 1
    assert "The outbox of 'default' could not be swept: the database is down" in caplog.text


def test_with_the_outbox_off_nothing_is_swept(settings, stage):
    settings.DUMPER_OUTBOX = False
    put("/news/")

    assert sweep() == 0
    assert outboxes.all_outboxes() == []


# A node that comes back


def test_what_a_node_is_owed_is_carried_out_as_soon_as_it_is_back(stage):
    stage.script["b"] = failing(Transient("down"), times=1)
    put("/1/", alias="inner", node="b")
    sweep()
    put("/2/", alias="inner", node="b")

    sweep()
    quiet()

    purged = [event[2] for event in stage.events if event[1] == "b"]
    assert set().union(*(batch.paths for batch in purged[1:])) == {"/1/", "/2/"}
    assert [target[:2] for target in targets() if target[0] == "inner"] == []


@pytest.mark.parametrize("nodes", ["b", "ab"])
def test_so_is_what_all_nodes_of_a_backend_were_owed(settings, stage, nodes):
    """What is left for every node alike is one row, which names none of them."""
    settings.DUMPER_BACKENDS = {"inner": tier(*nodes)}
    for node in nodes:
        stage.script[node] = failing(Transient("down"), times=1)
    put("/1/")
    sweep()
    put("/2/")

    sweep()
    quiet()

    assert entries() == []


# Too many rows


def test_more_rows_than_the_limit_become_one_purge_of_everything(settings, stage, caplog):
    settings.DUMPER_BACKLOG_LIMIT = 5
    for number in range(6):
        put(f"/{number}/", alias="outer", seconds=60)
    for number in range(5):
        put(f"/{number}/", alias="inner", node="a", seconds=60)

    sweeper.count(10_000)
    assert delivery.finish(5) == []

    assert targets().count(("outer", "", "send", "pending")) == 1
    assert targets().count(("inner", "a", "send", "pending")) == 5
    assert [row.alias for row in entries() if "everything" in row.batch] == ["outer"]
    assert "entries of 'default' are pending for outer" in caplog.text


def test_more_dead_letters_than_the_limit_become_one(settings):
    settings.DUMPER_BACKLOG_LIMIT = 5
    for number in range(6):
        put(f"/{number}/", alias="outer", state="dead", error="wrong token", age=number)

    sweeper.count(10_000)
    assert delivery.finish(5) == []

    (row,) = entries()
    assert (row.state, row.error) == ("dead", "wrong token")
    assert batches() == [PurgeBatch(everything=True)]
