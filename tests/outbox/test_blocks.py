"""Blocks and requests: what they keep is in the outbox, unless it may be dropped."""

import pytest
from django.db import transaction

import dumper_purge as dumper
from dumper_purge.collect.scope import collecting, open_request, paused
from dumper_purge.deliver import delivery
from tests.outbox.eyes import entries, insertions, statements
from tests.zoo.models import Food, Keeper


def test_what_is_paused_has_no_entry(database):
    with statements() as found, paused() as held:
        Keeper.objects.create(slug="a")
        with transaction.atomic():
            Keeper.objects.create(slug="b")
        Keeper.objects.update(name="c")

    assert not insertions(found)
    assert held.batch.paths == {"/keepers/a/", "/keepers/b/"}


def test_what_was_paused_has_one_entry_when_it_is_purged_after_all(database):
    with paused() as held:
        Keeper.objects.create(slug="a")
        Keeper.objects.create(slug="b")

    held.purge()

    assert entries() == [{"/keepers/a/", "/keepers/b/"}]


def test_what_was_paused_in_a_transaction_is_entered_with_its_commit(database):
    with transaction.atomic():
        Keeper.objects.create(slug="a")
        with paused() as held:
            Keeper.objects.create(slug="b")
        held.purge()

    assert entries() == [{"/keepers/a/", "/keepers/b/"}]


def test_what_was_written_before_a_pause_is_entered_with_its_commit(database):
    with transaction.atomic():
        Keeper.objects.create(slug="a")
        with paused():
            Keeper.objects.create(slug="b")

    assert entries() == [{"/keepers/a/"}]


def test_a_collecting_block_has_an_entry_for_each_write_until_it_ends(database, inline):
    with collecting():
        Keeper.objects.create(slug="a")
        Food.objects.create(name="hay")
        Keeper.objects.update(slug="b")
        kept = entries()
        sent = list(inline.events)
    delivery.finish(5)

    assert kept == [{"/foods/hay/"}, {"/keepers/a/"}, {"/keepers/a/", "/keepers/b/"}]
    assert sent == []
    assert entries() == []
    assert sorted(inline.names()) == [("send", "a"), ("send", "b")]


def test_a_collecting_block_that_raises_closes_its_entries(database, inline):
    with pytest.raises(LookupError), collecting():
        Keeper.objects.create(slug="a")
        raise LookupError
    delivery.finish(5)

    assert len(inline.events) == 2
    assert entries() == []


def test_a_collecting_block_in_a_transaction_is_entered_at_the_commit(database):
    with transaction.atomic(), collecting():
        Keeper.objects.create(slug="a")
        Keeper.objects.create(slug="b")
        assert entries() == []

    assert entries() == [{"/keepers/a/", "/keepers/b/"}]


def test_transactions_in_a_collecting_block_have_an_entry_each(database, inline):
    with collecting():
        for slug in "ab":
            with transaction.atomic():
                Keeper.objects.create(slug=slug)
        kept = entries()
    delivery.finish(5)

    assert kept == [{"/keepers/a/"}, {"/keepers/b/"}]
    assert len(inline.events) == 2
    assert entries() == []


def test_a_collecting_block_in_a_paused_one_has_no_entry(database):
    with paused(), collecting():
        Keeper.objects.create(slug="a")

    assert entries() == []


def test_a_request_keeps_its_entries_until_it_ends(database, inline):
    with open_request():
        Keeper.objects.create(slug="a")
        Keeper.objects.create(slug="b")
        kept = entries()
    delivery.finish(5)

    assert kept == [{"/keepers/a/"}, {"/keepers/b/"}]
    assert len(inline.events) == 2
    assert entries() == []


def test_what_is_purged_by_word_has_an_entry(database):
    dumper.purge_paths("/a/")
    with transaction.atomic():
        dumper.purge_paths("/b/")
        assert entries() == [{"/a/"}]

    assert entries() == [{"/a/"}, {"/b/"}]
