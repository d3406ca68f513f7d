"""What a delivery leaves in the outbox, for whom, and until when."""

import pytest

from dumper_purge.deliver import delivery
from dumper_purge.deliver.outbox import claims, encoding
from dumper_purge.exceptions import Rejected, Transient
from tests.deliver.stage import failing, tier
from tests.outbox.rows import stored, told, wait_for_row, wait_until
from tests.zoo.models import Keeper


def test_every_node_purged_leaves_nothing(database, inline):
    Keeper.objects.create(slug="a")
    delivery.finish(5)

    assert stored() == []


def test_a_node_that_is_down_leaves_a_row_and_the_others_none(database, inline):
    inline.script["a"] = failing(Transient("down", retry_after=60))

    Keeper.objects.create(slug="a")
    inline.wait_for(2)
    wait_for_row(lambda row: row.node == "a")

    (row,) = stored()
    assert told(row)[:5] == ("edge", "a", "send", 1, "pending")
    assert encoding.decoded(row.batch).paths == {"/keepers/a/"}
    delivery.forget()


def test_all_nodes_down_leave_one_row(database, inline):
    for node in "ab":
        inline.script[node] = failing(Transient("down", retry_after=60))

    Keeper.objects.create(slug="a")
    inline.wait_for(2)
    wait_for_row(lambda row: row.alias == "edge")

    (row,) = stored()
    assert (row.alias, row.node) == ("edge", "")
    delivery.forget()


def test_a_rejected_purge_is_kept_as_a_dead_letter(database, inline):
    inline.script["b"] = failing(Rejected("403 Forbidden"))

    Keeper.objects.create(slug="a")
    wait_for_row(lambda row: row.node == "b")
    delivery.finish(5)

    (row,) = stored()
    assert told(row) == ("edge", "b", "send", 1, "dead", "403 Forbidden")


@pytest.mark.parametrize("error", ["403 \x00", "403 \ud800", "403 \U0001f366 " + "x" * 100_000])
def test_whatever_a_node_answers_is_kept_with_its_dead_letter(database, inline, error):
    inline.script["b"] = failing(Rejected(error))

    Keeper.objects.create(slug="a")
    wait_for_row(lambda row: row.node == "b")

    assert stored()[0].state == "dead"
    assert stored()[0].error.startswith("403 ")


def test_a_node_with_the_longest_name_is_kept_as_owed(database, inline, settings):
    node = "http://" + "a" * 248
    settings.DUMPER_BACKENDS = {"e" * 100: tier(node, "b")}
    inline.script[node] = failing(Rejected("403"))

    Keeper.objects.create(slug="a")
    wait_for_row(lambda row: row.node == node)

    assert stored()[0].state == "dead"


def test_a_node_that_comes_back_is_given_what_it_is_owed_at_once(database, inline):
    inline.script["a"] = failing(Transient("down", retry_after=60), times=1)
    Keeper.objects.create(slug="first")
    wait_for_row(lambda row: row.node == "a")

    Keeper.objects.create(slug="second")
    inline.wait_for(5)
    wait_until(lambda: stored() == [])

    paths = [event[2].paths for event in inline.events if event[1] == "a"]
    assert paths[0] == {"/keepers/first/"}
    assert {"/keepers/first/", "/keepers/second/"} <= set().union(*paths[1:])
    assert stored() == []
    delivery.forget()


def test_the_second_purge_is_left_to_the_outbox(database, inline, settings):
    settings.DUMPER_BACKENDS = {"edge": tier("a", repeat_after=60)}

    Keeper.objects.create(slug="a")
    wait_for_row(lambda row: row.step == "repeat")

    (row,) = stored()
    assert (row.alias, row.node, row.step) == ("edge", "", "repeat")
    assert 50 < claims.next_due("default") <= 60
    delivery.forget()
