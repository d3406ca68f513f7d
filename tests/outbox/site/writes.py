"""The writes whose purges must not be lost."""

from dataclasses import dataclass

from django.db import connection, transaction

from dumper_purge.collect.scope import paused
from tests.deliver.rows import quiet
from tests.zoo.models import Animal, Food, Keeper

__all__ = ["SERIES", "WRITES", "Rows", "prepare", "renamed", "state"]

SLUGS = ("ann", "bob", "cat", "dan")


@dataclass
class Rows:
    """What is there before."""

    keeper: Keeper
    animal: Animal
    hay: Food
    oats: Food


def prepare():
    """Put the rows there that are written, without a purge."""
    with paused(), transaction.atomic(), connection.cursor() as cursor:
        for table in ("dumper_purge_outboxentry", "dumper_purge_outboxnode"):
            cursor.execute(f"DELETE FROM {table}")
        for model in (Animal, Food, Keeper):
            model.objects.all().delete()
        rows = Rows(
            keeper=Keeper.objects.create(slug="ann"),
            animal=Animal.objects.create(name="horse", slug="horse"),
            hay=Food.objects.create(name="hay"),
            oats=Food.objects.create(name="oats"),
        )
        rows.animal.foods.add(rows.hay)
    return rows


def state():
    """Return the rows as they are now."""
    return [
        sorted(Keeper.objects.values_list("slug", flat=True)),
        sorted(Food.objects.values_list("name", flat=True)),
        sorted(Animal.foods.through.objects.values_list("food__name", flat=True)),
    ]


def save(rows):
    rows.keeper.slug = "bob"
    rows.keeper.save()


def save_in_a_transaction(rows):
    with transaction.atomic():
        save(rows)


def delete(rows):
    rows.hay.delete()


def add(rows):
    rows.animal.foods.add(rows.oats)


def update(rows):
    Keeper.objects.filter(slug="ann").update(slug="bob")


def bulk_create(rows):
    Keeper.objects.bulk_create([Keeper(slug="x"), Keeper(slug="y")])


def two_savepoints(rows):
    with transaction.atomic():
        with transaction.atomic():
            save(rows)
        with transaction.atomic():
            Keeper.objects.create(slug="x")


def three_saves(rows):
    """Each in a transaction of its own, so that a row waits, rides, and is the last of all."""
    for slug in SLUGS[1:]:
        rows.keeper.slug = slug
        with transaction.atomic():
            rows.keeper.save()
        quiet()


def renamed(after):
    """Return the paths of all that has been committed, to judge by the rows that are there."""
    (slug,) = after[0]
    return {f"/keepers/{each}/" for each in SLUGS[: SLUGS.index(slug) + 1]}


RENAMED = {"/keepers/ann/", "/keepers/bob/"}
WRITES = {
    "save": (save, RENAMED),
    "save in a transaction": (save_in_a_transaction, RENAMED),
    "delete": (delete, {"/foods/hay/", "/animals/horse/"}),
    "add": (add, {"/foods/oats/", "/animals/horse/"}),
    "update": (update, RENAMED),
    "bulk_create": (bulk_create, {"/keepers/x/", "/keepers/y/"}),
    "two savepoints": (two_savepoints, RENAMED | {"/keepers/x/"}),
}
"""What each does, and the paths that it has to purge."""
SERIES = {"three saves": (three_saves, {f"/keepers/{slug}/" for slug in SLUGS})}
"""Several transactions, of which :func:`renamed` tells what has to be purged."""
