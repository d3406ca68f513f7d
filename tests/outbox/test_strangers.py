"""Entries that nobody understands: what cannot be told is purged broadly, and said."""

import pytest
from django.core.management import call_command

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import sweep
from tests.outbox.rows import put, stored, written


def test_an_entry_for_a_backend_that_is_gone_becomes_a_dead_letter(database, inline, errors):
    put(alias="gone", node="x")

    sweep.sweep()

    (row,) = stored()
    assert (row.alias, row.node, row.state) == ("gone", "x", "dead")
    assert "DUMPER_BACKENDS has no 'gone'" in row.error
    assert "manage.py dumper failed" in row.error
    assert len(errors()) == 1
    assert inline.events == []


def test_an_entry_for_a_node_that_is_gone_becomes_a_dead_letter(database, inline, errors):
    put(alias="edge", node="moved")

    sweep.sweep()

    (row,) = stored()
    assert row.state == "dead"
    assert "with the node 'moved'" in row.error
    assert len(errors()) == 1


def test_entries_beside_one_that_nobody_can_carry_out_are_purged(database, inline):
    put(alias="gone")
    written(2)

    sweep.sweep()

    assert len(inline.events) == 2
    assert [row.alias for row in stored()] == ["gone"]


@pytest.mark.parametrize(
    "text",
    [
        '{"v":2,"paths":["/a/"]}',
        '{"v":0,"paths":["/a/"]}',
        '{"paths":["/a/"]}',
        '{"v":1,"colours":["red"]}',
        '{"v":1,"paths":"/a/"}',
        '{"v":1,"paths":[1]}',
        '{"v":1,"paths":[["/a/"]]}',
        '{"v":1,"paths":{"/a/":1}}',
        '{"v":1,"everything":"no"}',
        '{"v":1,"paths":["/a/","not a path"]}',
        '{"v":1,"paths":["/a/\\r\\nX: y"]}',
        '{"v":1,"patterns":["("]}',
        '{"v":1,"tags":["a,b"]}',
        "[]",
        "null",
        "",
        "{",
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_batch_that_nobody_can_read_purges_everything(database, inline, errors, text):
    put(batch=text)

    sweep.sweep()

    assert [event[2] for event in inline.events] == [PurgeBatch(everything=True)] * 2
    assert len(errors()) == 1
    assert "another version" in errors()[0]
    assert stored() == []


@pytest.mark.parametrize("values", [{"step": "fly"}, {"step": ""}, {"attempts": -5}])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_entry_with_a_step_or_a_count_of_another_version_is_purged(database, inline, values):
    put(alias="edge", node="a", **values)
    written(1)

    sweep.sweep()

    assert ("send", "a") in inline.names()
    assert stored() == []


@pytest.mark.parametrize(
    "values",
    [
        {"batch": '{"v":1,"paths":{"/a/":1}}'},
        {"batch": '{"v":1,"paths":[1]}'},
        {"batch": '{"v":1,"patterns":["("]}'},
        {"batch": "{"},
        {"alias": "edge", "step": "fly"},
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_entry_that_nobody_understands_holds_up_no_other(database, inline, values):
    put(**values)
    written(2)

    call_command("dumper", "worker", "--once", verbosity=0)

    for node in "ab":
        sent = [event[2] for event in inline.events if event[1] == node]
        assert PurgeBatch(everything=True) in sent or any({"/0/", "/1/"} <= b.paths for b in sent)
    assert stored() == []
