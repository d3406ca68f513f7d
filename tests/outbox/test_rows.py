"""What becomes of entries: they are deleted, retargeted, replaced, compacted, hastened."""

import pytest
from django.db import DatabaseError, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.deliver.outbox import claims, compaction, encoding, table
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.deliver.step import Step
from tests.outbox.rows import add, batch, claimed, close, due, put, stored, told, written


def test_an_entry_of_which_nothing_is_left_is_deleted(database):
    refs = written(3)

    close(refs[:2])

    assert [row.id for row in stored()] == [refs[2].id]


def test_an_entry_of_which_one_node_is_left_is_kept_for_that_node(database):
    (ref,) = written(1)
    left = Left(batch=batch("/0/"), alias="edge", node="a", seconds=60, attempts=2, error="down")

    close([ref], [left], batch=batch("/0/"))

    (row,) = stored()
    assert row.id == ref.id
    assert told(row) == ("edge", "a", "send", 2, "pending", "down")
    assert 50 < claims.next_due("default") <= 60


def test_what_is_left_of_several_entries_is_put_in_their_place(database):
    refs = written(3)
    left = [
        Left(batch=batch("/0/"), alias="edge", node="a", seconds=60),
        Left(batch=batch("/1/"), alias="edge", node="b", error="no", dead=True),
        Left(batch=batch("/2/"), alias="edge", step=Step.REPEAT),
    ]

    close(refs, left, created=7)

    rows = {row.node: row for row in stored()}
    assert told(rows["a"]) == ("edge", "a", "send", 0, "pending", "")
    assert told(rows["b"]) == ("edge", "b", "send", 0, "dead", "no")
    assert told(rows[""]) == ("edge", "", "repeat", 0, "pending", "")
    assert {row.created for row in rows.values()} == {7}
    assert not {row.id for row in rows.values()} & {ref.id for ref in refs}


def test_entries_of_two_databases_leave_their_rest_in_one(database):
    with transaction.atomic(), transaction.atomic(using="other"):
        here = table.write(batch("/a/"), "default", lease=0)
        there = table.write(batch("/b/"), "other", lease=0)

    close([here, there], [Left(batch=batch("/a/", "/b/"), alias="edge")])

    assert [row.alias for row in stored()] == ["edge"]
    assert claims.next_due("other") is None


def test_a_closing_that_fails_leaves_the_entries_as_they_were(database):
    refs = written(2)
    endless = Left(batch=batch("/0/"), alias="x" * 101, node="y" * 256, attempts=2**80)

    with pytest.raises((DatabaseError, OverflowError)):
        close(refs, [Left(batch=batch("/1/"), alias="edge"), endless])

    assert [row.id for row in stored()] == [ref.id for ref in refs]


def test_closing_twice_does_no_harm(database):
    refs = written(2)

    close(refs)
    close(refs)

    assert stored() == []


def test_above_the_limit_one_row_for_everything_is_left_for_each_target(database):
    for number in range(12):
        node, state = "ab"[number % 2], "dead" if number > 7 else "pending"
        put(id=f"{number:02}", alias="edge", node=node, state=state, created=number)
    written(2)

    put_down = compaction.compact("default", limit=3)

    assert sorted((left.node, left.state) for left in put_down) == [
        ("a", "pending"), ("b", "pending"),
    ]  # fmt: skip
    rows = stored()
    assert len(rows) == 2 + 4 + 2
    everything = [row for row in rows if encoding.decoded(row.batch) == PurgeBatch(everything=True)]
    assert sorted((row.node, row.created) for row in everything) == [("a", 0), ("b", 1)]


def test_what_a_node_is_owed_is_hastened_and_nothing_else(database):
    put(id="1", alias="edge", node="a")
    put(id="2", alias="edge", node="b")
    put(id="3", alias="edge", node="a", step="repeat")
    put(id="4", alias="edge", node="a", state="dead")
    due(100)

    claims.hasten("default", "edge", "a")

    assert claimed() == ["1"]


def test_dead_letters_are_replayed(database):
    row = put(state="dead", attempts=8)

    claims.replay([EntryRef("default", row.id)])

    assert claimed() == [row.id]
    assert stored()[0].attempts == 0


def test_a_batch_is_stored_and_read_back_whole(database):
    whole = PurgeBatch(
        paths=frozenset({"/%C3%A4/", "/" + "x" * 60_000}),
        urls=frozenset({"https://a.example/"}),
        prefixes=frozenset({"/p/"}),
        patterns=frozenset({r"/\d+'\"%s\\/"}),
        tags=frozenset({"a.b:1"}),
        everything=True,
    )

    with transaction.atomic():
        table.write(whole, "default", lease=0)

    (row,) = claims.claim("default", limit=1, lease=0)
    assert encoding.decoded(row.batch) == whole


def test_a_batch_of_the_largest_size_can_be_stored(database):
    paths = frozenset(f"/a/path/of/some/length/{i}/" for i in range(current().batch_limit))

    with transaction.atomic():
        table.write(PurgeBatch(paths=paths), "default", lease=0)

    (row,) = claims.claim("default", limit=1, lease=0)
    assert encoding.decoded(row.batch).paths == paths


def test_what_is_left_and_no_packet_takes_becomes_everything(database, monkeypatch):
    monkeypatch.setattr(encoding, "_LONGEST", 50)
    long = batch(*(f"/{number}/" for number in range(10)))
    refs = written(2)

    close(refs, [Left(batch=long, alias="edge", node="a")])
    add("default", [Left(batch=long, alias="edge", node="b")])

    assert [encoding.decoded(row.batch) for row in stored()] == [PurgeBatch(everything=True)] * 2
