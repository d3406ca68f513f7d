"""Receivers of a save in autocommit stand outside of its transaction."""

import pytest
from django.db import connection, transaction
from django.db.models.signals import post_save, pre_save

from tests.outbox.eyes import entries
from tests.zoo.models import Food, Keeper


@pytest.fixture
def receiver():
    """Connect receivers for this test."""
    connected = []

    def connect(signal, function):
        signal.connect(function, sender=Keeper)
        connected.append((signal, function))

    yield connect
    for signal, function in connected:
        signal.disconnect(function, sender=Keeper)


def test_receivers_of_post_save_run_after_the_commit(database, eyes, receiver):
    seen = []

    def look(**kwargs):
        transaction.on_commit(lambda: seen.append("at once"))
        seen.append((connection.in_atomic_block, eyes.see("SELECT slug FROM zoo_keeper")))

    receiver(post_save, look)
    Keeper.objects.create(slug="a")

    assert seen == ["at once", (False, "a")]


def test_a_receiver_that_raises_undoes_neither_row_nor_entry(database, receiver):
    def fail(**kwargs):
        raise LookupError

    receiver(post_save, fail)
    with pytest.raises(LookupError):
        Keeper.objects.create(slug="a")

    assert Keeper.objects.get().slug == "a"
    assert entries() == [{"/keepers/a/"}]


def test_a_receiver_that_raises_before_the_save_leaves_nothing(database, receiver):
    def fail(**kwargs):
        raise LookupError

    receiver(pre_save, fail)
    with pytest.raises(LookupError):
        Keeper.objects.create(slug="a")

    assert (Keeper.objects.count(), entries()) == (0, [])


def test_what_a_receiver_writes_has_its_own_entry(database, receiver):
    receiver(post_save, lambda **kwargs: Food.objects.create(name="hay"))

    Keeper.objects.create(slug="a")

    assert entries() == [{"/foods/hay/"}, {"/keepers/a/"}]


def test_what_a_receiver_changes_about_the_pages_has_an_entry_as_well(database, receiver):
    def rename(instance, **kwargs):
        instance.slug = "renamed"

    receiver(pre_save, rename)
    Keeper.objects.create(slug="a")

    assert entries() == [{"/keepers/renamed/"}]
