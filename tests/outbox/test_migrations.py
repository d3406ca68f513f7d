"""The table comes and goes by migrations, on every database."""

import pytest
from django.core.management import call_command
from django.db import connection

from dumper_purge.deliver.outbox import outboxes
from tests.outbox.eyes import entries
from tests.zoo.models import Keeper


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_models_are_as_the_migrations_make_them(database):
    call_command("makemigrations", "dumper_purge", check=True, dry_run=True, verbosity=0)


def test_the_tables_can_be_unmade_and_made_again(database):
    Keeper.objects.create(slug="before")

    call_command("migrate", "dumper_purge", "zero", verbosity=0)
    unmade = tables()
    call_command("migrate", "dumper_purge", verbosity=0)

    assert unmade == set()
    assert tables() == {"dumper_purge_outboxentry", "dumper_purge_outboxnode"}
    outboxes.forget()
    Keeper.objects.create(slug="after")
    assert entries() == [{"/keepers/after/"}]


def tables():
    return {name for name in connection.introspection.table_names() if "outbox" in name}


def test_what_sweeps_ask_for_is_indexed(database):
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "dumper_purge_outboxentry")

    indexed = {tuple(each["columns"]) for each in found.values() if each["index"]}
    assert {("state", "due"), ("alias", "node")} <= indexed
