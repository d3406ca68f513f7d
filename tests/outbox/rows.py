"""Entries as a test puts them there, and what claims find."""

import time

from django.apps import apps
from django.db import transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.outbox import claims, encoding, sql, table
from dumper_purge.deliver.outbox.changes import Changes

__all__ = [
    "add", "batch", "claimed", "close", "due", "put", "stored", "told", "wait_for_row",
    "wait_until", "written",
]  # fmt: skip


def batch(*paths):
    return PurgeBatch.of(paths)


def written(count, lease=0.0):
    """Write so many entries, each with a path of its own; return their references, sorted."""
    with transaction.atomic():
        refs = [table.write(batch(f"/{i}/"), "default", lease=lease) for i in range(count)]
    return sorted(refs)


def close(refs, left=(), **options):
    """Replace entries by what is left of them."""
    changes = Changes()
    changes.close(refs, left, **options)
    changes.carry_out()


def add(using, left):
    """Write what is left of an entry that stays."""
    changes = Changes()
    changes.add(using, left)
    changes.carry_out()


def put(**values):
    """Store a row as some process may have left it."""
    model = apps.get_model("dumper_purge", "OutboxEntry")
    usual = {"id": "0" * 32, "batch": encoding.encoded(batch("/a/")), "due": 0, "created": 0}
    return model.objects.create(**usual | values)


def stored():
    """Return all rows, in the order of their keys."""
    return list(apps.get_model("dumper_purge", "OutboxEntry").objects.order_by("id"))


def claimed(limit=1_000, lease=30.0, **options):
    """Claim; return the keys of what was got."""
    return [row.ref.id for row in claims.claim("default", limit=limit, lease=lease, **options)]


def due(seconds):
    """Let all entries be due in so many seconds of the database's clock."""
    model = apps.get_model("dumper_purge", "OutboxEntry")
    model.objects.update(due=sql.clock("default") + seconds)


def told(row):
    """Return what an entry says of its target, and how it is."""
    return (row.alias, row.node, row.step, row.attempts, row.state, row.error)


def wait_for_row(condition):
    """Wait until there is one entry, and it is like that."""
    wait_until(lambda: len(rows := stored()) == 1 and condition(rows[0]))


def wait_until(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, [told(row) for row in stored()]
        time.sleep(0.01)
