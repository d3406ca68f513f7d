"""What holds the entries of one delivery until all of it is done or written down anew."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.carrying import closing
from dumper_purge.deliver.outbox import sql, table
from dumper_purge.deliver.outbox.changes import Changes
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.step import Step
from tests.deliver.rows import batches, entries, put, targets
from tests.deliver.stage import StageBackend

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])
EDGE = StageBackend(alias="edge", location=("a", "b"))


def left(node, **values):
    return Left(**{"batch": BATCH, "alias": "edge", "node": node, **values})


def receipt(*using, **columns):
    """Return a receipt for new rows, one in each of these databases."""
    refs = [EntryRef(alias, put("/news/", using=alias, **columns)) for alias in using]
    return Receipt(BATCH, refs)


def closed(found):
    """Close the entries of a receipt; return what is left."""
    changes = Changes()
    left = found.close([EDGE], changes)
    changes.carry_out()
    return left


def test_the_last_to_let_go_sees_to_the_closing():
    found = Receipt(BATCH, [])
    found.hold()
    found.hold()

    assert [found.release(), found.release(), found.release()] == [False, False, True]


def test_of_many_threads_one_is_the_last():
    found = Receipt(BATCH, [])
    for _ in range(15):
        found.hold()
    barrier = threading.Barrier(16, timeout=5)

    def let_go(_):
        barrier.wait()
        return found.release()

    with ThreadPoolExecutor(16) as threads:
        last = list(threads.map(let_go, range(16)))

    assert last.count(True) == 1


def test_what_is_done_is_deleted():
    put("/other/")

    assert closed(receipt("default")) == []

    assert batches() == [PurgeBatch.of(["/other/"])]


def test_what_is_left_for_one_node_takes_the_place_of_the_entry():
    found = receipt("default")
    found.leave(left("a", attempts=3, error="down", seconds=5))

    closed(found)

    (row,) = entries()
    assert targets() == [("edge", "a", "send", "pending")]
    assert (row.attempts, row.error) == (3, "down")
    assert 4 < row.due - sql.clock("default") <= 5


def test_what_is_left_for_several_nodes_is_a_row_each():
    found = receipt("default")
    found.leave(left("a", error="down"))
    found.leave(left("b", error="slow"))

    closed(found)

    assert [target[1] for target in targets()] == ["a", "b"]


def test_what_is_left_for_every_node_alike_is_one_row_due_when_the_last_would_be():
    found = receipt("default")
    for node, seconds in (("a", 2), ("b", 9)):
        found.leave(left(node, step=Step.REPEAT, seconds=seconds))

    closed(found)

    (row,) = entries()
    assert targets() == [("edge", "", "repeat", "pending")]
    assert 8 < row.due - sql.clock("default") <= 9


def test_what_is_left_twice_is_one_row():
    found = receipt("default")
    found.leave(left(""))
    found.leave(left(""))

    closed(found)

    assert targets() == [("edge", "", "send", "pending")]


def test_steps_are_not_joined():
    found = receipt("default")
    found.leave(left("a"))
    found.leave(left("b", step=Step.REPEAT))

    closed(found)

    assert [target[1:3] for target in targets()] == [("a", "send"), ("b", "repeat")]


def test_dead_letters_are_kept_beside_what_is_pending():
    found = receipt("default")
    found.leave(left("a", dead=True, error="wrong token"))
    found.leave(left("b", error="down"))

    closed(found)

    assert [target[1::2] for target in targets()] == [("a", "dead"), ("b", "pending")]


def test_a_smaller_batch_takes_the_place_of_the_one_that_was_entered():
    found = receipt("default")
    found.leave(left("a", batch=PurgeBatch.of(["/part/"])))

    closed(found)

    assert batches() == [PurgeBatch.of(["/part/"])]


def test_several_entries_become_what_is_left_of_them():
    refs = [EntryRef("default", put(f"/{number}/")) for number in range(1_200)]
    found = Receipt(BATCH, refs)
    found.leave(left("a"))

    closed(found)

    assert batches() == [BATCH]


def test_what_is_left_keeps_its_age():
    refs = [EntryRef("default", put("/news/", age=100 - number)) for number in range(2)]
    created = min(row.created for row in entries())
    found = Receipt(BATCH, refs, created=created)
    found.leave(left("a"))

    closed(found)

    assert [row.created for row in entries()] == [pytest.approx(created)]


def test_a_single_entry_that_stays_keeps_its_age():
    found = receipt("default", age=100)
    created = entries()[0].created
    found.leave(left("a"))

    closed(found)

    assert [row.created for row in entries()] == [created]


def test_entries_of_several_databases_leave_rows_in_the_first():
    found = receipt("other", "default")
    found.leave(left("a"))

    closed(found)

    assert targets("other") == [("edge", "a", "send", "pending")]
    assert targets("default") == []


def test_what_is_closed_says_so():
    found = receipt("default")
    assert not found.closed.is_set()

    closing.ledger.book([(found, None)])

    assert found.closed.is_set()


def test_a_database_that_fails_leaves_the_entries_as_they_were_and_nobody_waiting(monkeypatch):
    found = receipt("default")
    found.leave(left("a"))
    found.leave(left("b", error="other"))
    before = entries()

    def broken(*args):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(table, "_deletions", broken)
    closing.ledger.book([(found, None)])

    assert entries() == before
    assert targets() == [("", "", "send", "pending")]
    assert found.closed.is_set()


def test_receipts_that_are_closed_together_have_each_what_is_left_of_it():
    done, moved, split = receipt("default"), receipt("other"), receipt("default", "other")
    moved.leave(left("a"))
    split.leave(left("b", error="down"))

    with CaptureQueriesContext(connections["default"]) as queries:
        closing.ledger.book([(done, None), (moved, None), (split, None)])

    assert targets() == [("edge", "b", "send", "pending")]
    assert targets("other") == [("edge", "a", "send", "pending")]
    assert len([query for query in queries if query["sql"].startswith("DELETE")]) == 1


def test_what_is_left_alike_of_many_is_one_statement_due_when_the_last_would_be():
    found = [receipt("default") for _ in range(20)]
    for seconds, each in enumerate(found):
        each.leave(left("a", seconds=seconds, error="down"))

    with CaptureQueriesContext(connections["default"]) as queries:
        closing.ledger.book([(each, None) for each in found])

    assert targets() == [("edge", "a", "send", "pending")] * 20
    assert {18 < row.due - sql.clock("default") <= 19 for row in entries()} == {True}
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1


def test_a_receipt_that_cannot_be_closed_keeps_no_other_open(monkeypatch):
    good, bad = receipt("default"), receipt("default")
    (wrong,) = bad.entries
    deletions = table._deletions

    def broken(using, ids):
        if wrong.id in ids:
            raise DatabaseError("the disk is full")
        return deletions(using, ids)

    monkeypatch.setattr(table, "_deletions", broken)
    bad.leave(left("b", batch=PurgeBatch.of(["/part/"])))
    closing.ledger.book([(good, None), (bad, None)])

    assert [row.pk for row in entries()] == [wrong.id]
    assert good.closed.is_set()
    assert bad.has_left


def test_what_could_not_be_written_early_is_left_to_the_closing(monkeypatch):
    found = receipt("default")

    def broken(*args):
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(table, "insert", broken)
        closing.ledger.book([(found, [left("a")])])
    assert targets() == [("", "", "send", "pending")]

    closing.ledger.book([(found, None)])
    assert targets() == [("edge", "a", "send", "pending")]
