"""``manage.py dumper failed``."""

import io

import pytest
from django.core.management import CommandError, call_command

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.outbox import sql
from dumper_purge.deliver.sweep import sweep
from tests.deliver.rows import entries, put, targets
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")


@pytest.fixture
def letters():
    """Three dead letters, and one entry that waits."""
    put("/waits/", alias="edge", node="a", seconds=60)
    return [
        put("/a/", "/x/", alias="edge", node="a", state="dead", error="wrong token", attempts=8),
        put("/b/", alias="edge", node="b", state="dead", error="no"),
        put("/c/", alias="inner", state="dead", error="gone", using="other"),
    ]


def failed(*args):
    out = io.StringIO()
    call_command("dumper", "failed", *args, stdout=out)
    return out.getvalue()


def dead():
    return [
        row.pk for using in ("default", "other") for row in entries(using) if row.state == "dead"
    ]


def test_they_are_listed_with_where_what_and_why(letters):
    assert failed() == (
        f"{letters[0]}  edge at a  2 paths  wrong token\n"
        f"{letters[1]}  edge at b  1 path  no\n"
        f"{letters[2]}  inner  1 path  gone\n"
    )
    assert dead() == letters


@pytest.mark.parametrize("args", [[], ["--alias", "nobody"]])
def test_where_there_are_none_it_says_so(args):
    put("/waits/")

    assert failed(*args) == "There are no dead letters.\n"


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        (["--alias", "edge"], [0, 1]),
        (["--node", "b"], [1]),
        (["--alias", "edge", "--node", "a"], [0]),
    ],
)
def test_they_may_be_narrowed_down(letters, args, numbers):
    assert [line.split()[0] for line in failed(*args).splitlines()] == [
        letters[number] for number in numbers
    ]


def test_those_that_are_named_are_listed_of_any_database(letters):
    out = failed(letters[2], letters[0])

    assert sorted(line.split()[0] for line in out.splitlines()) == [letters[0], letters[2]]


def test_an_id_that_is_none_is_an_error_and_nothing_is_done(letters):
    with pytest.raises(CommandError, match=r"There is no dead letter nonsense\."):
        failed("--drop", letters[0], "nonsense")

    assert dead() == letters


def test_what_waits_is_no_dead_letter(letters):
    waiting = next(row.pk for row in entries() if row.state == "pending")

    with pytest.raises(CommandError, match=waiting):
        failed("--drop", waiting)


def test_replayed_ones_are_due_and_begin_anew(letters):
    out = failed("--replay", letters[0])

    row = next(row for row in entries() if row.pk == letters[0])
    assert out.startswith("Replayed 1: ")
    assert (row.state, row.attempts) == ("pending", 0)
    assert row.due <= sql.clock("default")
    assert dead() == letters[1:]


def test_all_are_replayed_and_delivered(letters, settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("i"), "edge": tier("a", "b")}

    failed("--replay")
    sweep()
    sweep()

    purged = {}
    for _, node, batch, _ in stage.events:
        purged[node] = purged.get(node, PurgeBatch()) | batch
    assert purged["a"].paths >= {"/a/", "/x/"}
    assert purged["b"].paths >= {"/b/"}
    assert purged["i"].paths == {"/c/"}
    assert dead() == []


def test_dropped_ones_are_gone(letters):
    assert failed("--drop", "--alias", "edge") == "Dropped 2.\n"

    assert dead() == [letters[2]]
    assert targets() == [("edge", "a", "send", "pending")]


def test_replay_and_drop_exclude_one_another(letters):
    with pytest.raises(CommandError):
        failed("--replay", "--drop")

    assert dead() == letters


def test_a_batch_of_another_version_is_listed_too():
    put(state="dead", alias="edge")
    entry = entries()[0]
    entry.batch = '{"v":99}'
    entry.save()

    assert "edge  a batch of another version" in failed()


@pytest.mark.parametrize("text", ["", "[]", "5", '{"v":1,"paths":5}'])
def test_a_batch_that_cannot_be_read_is_listed_and_may_be_dropped(text):
    put(state="dead", alias="edge")
    entry = entries()[0]
    entry.batch = text
    entry.save()

    assert entry.pk in failed()
    failed("--drop")

    assert dead() == []


def test_without_an_outbox_nobody_can_know(settings, letters):
    settings.DUMPER_OUTBOX = False

    with pytest.raises(CommandError, match="DUMPER_OUTBOX"):
        failed()
