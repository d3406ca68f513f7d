"""Rows of the outbox, as tests put them there and find them."""

from itertools import count

from django.apps import apps

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.carrying import background, closing
from dumper_purge.deliver.outbox import encoding, sql

__all__ = ["batches", "entries", "node", "put", "quiet", "targets"]

_numbers = count()


def entries(using="default"):
    """Return all rows, the oldest first."""
    model = apps.get_model("dumper_purge", "OutboxEntry")
    return list(model.objects.using(using).order_by("created", "id"))


def put(*paths, using="default", seconds=-1.0, age=0.0, batch=None, **columns):
    """Add a row that is due in so many seconds; return its id."""
    batch = PurgeBatch.of(paths) if batch is None else batch
    now = sql.clock(using)
    columns = {
        "id": f"{next(_numbers):032}",
        "batch": encoding.encoded(batch),
        "due": now + seconds,
        "created": now - age,
        **columns,
    }
    model = apps.get_model("dumper_purge", "OutboxEntry")
    return model.objects.using(using).create(**columns).pk


def targets(using="default"):
    """Return alias, node, step and state of each row, sorted."""
    return sorted((row.alias, row.node, row.step, row.state) for row in entries(using))


def batches(using="default"):
    """Return what each row is for."""
    return [encoding.decoded(row.batch) for row in entries(using)]


def node(alias, node="", using="default"):
    """Return what processes have told one another of a node."""
    model = apps.get_model("dumper_purge", "OutboxNode")
    return model.objects.using(using).get(alias=alias, node=node)


def quiet():
    """Wait until nobody sends or writes, whatever is planned for later."""

    def is_idle():
        return background._lanes.is_idle() and closing.is_idle() and background.has_idle_clerks()

    with background._changed:
        assert background._changed.wait_for(is_idle, 5)
