"""A closing that fails costs a purge more, and never one less."""

from django.db import DatabaseError

from dumper_purge.deliver import delivery, sweep
from dumper_purge.deliver.outbox import claims, outboxes, table
from dumper_purge.exceptions import Transient
from tests.deliver.stage import failing
from tests.outbox.databases import without_table
from tests.outbox.rows import stored
from tests.zoo.models import Keeper


def test_a_server_that_is_gone_while_entries_are_closed_costs_a_purge_more(
    database, inline, monkeypatch
):
    def fail(*args, **kwargs):
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(table, "delete", fail)
        Keeper.objects.create(slug="a")
        inline.wait_for(2)
        delivery.finish(0.3)
        delivery.forget()

    claims.claim("default", limit=9, lease=-1, ids=[row.id for row in stored()])
    sweep.sweep()

    assert len(inline.events) == 4
    assert stored() == []


def test_a_table_that_is_lost_while_a_node_is_down_breaks_nothing(database, inline):
    inline.script["a"] = failing(Transient("down", retry_after=0.01), times=1)

    with without_table():
        outboxes.has_outbox("default")
        Keeper.objects.create(slug="a")
        inline.wait_for(3)
        assert delivery.finish(5) == []

    assert sorted(inline.names()) == [("send", "a"), ("send", "a"), ("send", "b")]
