"""What a save and a request leave to others: databases that may be slow, rows that all want."""

import math
import threading
import time

import pytest
from django.core.signals import request_finished
from django.db import connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from dumper_purge import environment
from dumper_purge.backends import configured
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import bucket, carrying, delivery, sweep
from dumper_purge.deliver.attempt import breakers
from dumper_purge.deliver.background.clerk import Clerk
from dumper_purge.deliver.background.threads import Threads
from dumper_purge.deliver.breaker import THRESHOLD
from dumper_purge.deliver.carrying import carry_out, sweeper
from dumper_purge.deliver.errand import Errand
from dumper_purge.deliver.outbox import databases, nodes, outboxes, table
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.upkeep import closing as closings
from dumper_purge.exceptions import Transient
from tests.deliver.rows import entries, node, put, quiet, targets
from tests.deliver.stage import StageBackend, failing, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])
HERE = "tests.deliver.test_beside"


def leave(using, ids):
    """An engine that ends the process that calls it."""
    raise SystemExit("no broker")


@pytest.fixture(autouse=True)
def _site(settings):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}


@pytest.fixture
def asked(monkeypatch):
    """Know only the default database; return which others are looked up, and by whom."""
    outboxes.forget()
    assert outboxes.has_outbox("default")
    found, has_table = [], databases.has_table

    def look(using):
        found.append((using, threading.current_thread() is threading.main_thread()))
        return has_table(using)

    monkeypatch.setattr(databases, "has_table", look)
    monkeypatch.setattr(sweeper, "_looked", -math.inf)
    return found


@pytest.fixture
def no_threads(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def deliver(using="default"):
    delivery.deliver(BATCH, entries=[delivery.write(BATCH, using)])


def take(rate=1):
    return bucket.take(StageBackend(alias="edge", location=("e",), rate=rate, burst=9), BATCH)


def tell():
    nodes.failed("edge", "e", "down", 8)
    nodes.flush_if_due()


def end_request():
    request_finished.send(sender=None)


# Other databases

DOORS = {
    "a delivery": deliver,
    "the end of a request": end_request,
    "a look at the outbox": sweeper.look,
    "a sweep": sweeper.sweep,
    "a budget": take,
    "news of a node": tell,
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_no_other_database_is_asked_in_the_thread_of_the_caller(asked, door):
    door()
    quiet()

    assert ("other", True) not in asked


@pytest.mark.parametrize("door", [deliver, sweeper.sweep], ids=["a delivery", "a sweep"])
def test_a_save_has_no_other_database_asked_at_all(asked, door):
    door()
    quiet()

    assert asked == []


def test_a_node_that_is_back_has_no_other_database_asked(settings, asked, stage, soon):
    settings.DUMPER_INLINE_BUDGET = 0.05
    stage.script["e"] = failing(Transient("down"), times=1)

    deliver()
    stage.wait_for(2)
    assert delivery.finish(5) == []
    quiet()

    assert asked == []


def test_at_the_end_of_a_request_other_outboxes_are_found_beside_it(asked):
    end_request()
    quiet()

    assert asked == [("other", False)]
    assert outboxes.known_outboxes() == ["default", "other"]


def test_whoever_sweeps_on_purpose_sweeps_outboxes_that_are_new_to_the_process(stage):
    put("/news/", using="other")
    outboxes.forget()

    assert sweep.sweep() == 1

    assert entries("other") == []


# What is left of many


@pytest.fixture
def gathering(settings, monkeypatch):
    """Let the clerk write to the files, whose transactions all begin with a write."""
    monkeypatch.setattr(environment, "is_test", lambda: False)
    for alias in ("default", "other"):
        monkeypatch.setitem(
            connections[alias].settings_dict, "OPTIONS", {"transaction_mode": "IMMEDIATE"}
        )
    settings.DUMPER_BACKENDS = {"edge": tier("good", "bad")}
    for _ in range(THRESHOLD):
        breakers.failed("edge", "bad", 60.0)


def test_what_several_saves_owe_to_a_node_that_rests_is_written_at_once(
    gathering, stage, monkeypatch
):
    changed = []
    monkeypatch.setattr(table, "change", lambda using, *what: changed.append(what))

    for _ in range(5):
        deliver()
    quiet()

    (retargeted, added, deleted) = changed[0]
    assert len(changed) == 1
    assert {left.node for _, left in retargeted} == {"bad"}
    assert (len(retargeted), added, deleted) == (5, [], [])


def test_what_is_owed_to_a_node_that_rests_is_there_when_all_is_finished(gathering, stage):
    deliver()

    delivery.finish(0.5)

    assert targets() == [("edge", "bad", "send", "pending")]


def come_back():
    """Let the node answer again that rests, to a purge that is in the outbox."""
    (backend,) = configured()
    breakers.failed("edge", "bad", 0.0)
    receipt = Receipt(BATCH, [delivery.write(BATCH, "default")])
    receipt.hold()
    carry_out([Errand(backend=backend, node="bad", batch=BATCH, receipt=receipt)])


def test_a_node_that_is_back_is_given_what_was_not_yet_written(gathering, stage, monkeypatch):
    monkeypatch.setattr(closings, "_GATHERS", 60)
    deliver()
    stage.forget()

    come_back()
    stage.wait_for(2)

    assert stage.names() == [("send", "bad")] * 2
    delivery.forget()


def test_a_node_that_is_back_is_given_what_a_delivery_had_still_in_hand(
    gathering, stage, monkeypatch
):
    monkeypatch.setattr(carrying, "_IN_HAND", 0.1)

    come_back()
    quiet()
    put("/news/", alias="edge", node="bad", seconds=60)
    stage.wait_for(2)

    assert stage.names() == [("send", "bad")] * 2


def test_what_is_left_does_not_wait_for_a_node_that_takes_long(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("slow", "quick", repeat_after=30)}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5)

    deliver()
    until = time.monotonic() + 5
    while ("edge", "quick", "repeat", "pending") not in targets() and time.monotonic() < until:
        time.sleep(0.01)
    early = targets()
    release.set()
    quiet()

    assert early == [("", "", "send", "pending"), ("edge", "quick", "repeat", "pending")]


# Transactions of the site


def test_news_of_a_node_wait_until_the_transaction_has_ended():
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        tell()
    nodes.flush_if_due()

    assert len(queries) == 0
    assert node("edge", "e").error == "down"


def test_a_budget_is_not_shared_inside_a_transaction(monkeypatch):
    monkeypatch.setattr(bucket, "_own", {})

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        wait = take()

    assert wait == 0
    assert len(queries) == 0
    assert bucket._own["edge"].tokens == 8


@pytest.mark.usefixtures("no_threads")
def test_a_delivery_for_one_database_writes_nothing_in_the_transaction_of_another(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", rate=5, burst=5)}

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        deliver("other")

    assert stage.names() == [("send", "e")]
    assert entries("other") == []
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_entries_cannot_be_carried_out_inside_a_transaction(stage):
    ref = delivery.write(BATCH, "default")

    with transaction.atomic(), pytest.raises(TransactionManagementError, match="carried out"):
        sweep.carry_out("default", [ref.id])

    assert stage.events == []
    assert [row.pk for row in entries()] == [ref.id]


# Ends


@pytest.mark.usefixtures("no_threads")
def test_where_no_thread_runs_a_process_that_is_ended_ends_and_the_clerk_goes_on():
    clerk, done = Clerk(threading.Condition(), Threads()), []

    def end():
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        clerk.submit(end)
    clerk.submit(lambda: done.append("next"))

    assert done == ["next"]
    assert clerk.is_idle()


def test_an_engine_that_ends_the_process_ends_no_save(settings, caplog):
    settings.DUMPER_ENGINE = f"{HERE}.leave"
    ran = []

    with transaction.atomic():
        ref = delivery.write(BATCH, "default")
        transaction.on_commit(lambda: delivery.deliver(BATCH, entries=[ref]))
        transaction.on_commit(lambda: ran.append("hook"))

    assert ran == ["hook"]
    assert caplog.text.count("takes no entries now, they wait") == 1
    assert [row.pk for row in entries()] == [ref.id]
    assert connections["default"].get_autocommit()
