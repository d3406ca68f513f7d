"""A process that has loaded the site and forks a child for each order, which may have to die.

Orders and answers are JSON, one a line. It has no thread and no connection that a fork could break.
"""

import gc
import json
import os
import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402 - after the settings

from dumper_purge.batch import PurgeBatch, purged_tags  # noqa: E402
from dumper_purge.collect.registering import register  # noqa: E402
from dumper_purge.deliver import delivery, worker  # noqa: E402
from dumper_purge.deliver.outbox import outboxes  # noqa: E402
from dumper_purge.deliver.upkeep import riders  # noqa: E402
from dumper_purge.models import OutboxEntry  # noqa: E402
from dumper_purge.respond.layers import current_layers  # noqa: E402
from tests.outbox.site.boundaries import Boundaries  # noqa: E402
from tests.outbox.site.writes import SERIES, WRITES, prepare, state  # noqa: E402
from tests.zoo.models import Animal, Food, Keeper  # noqa: E402

ROUNDS = 5
ALL = WRITES | SERIES


def write(tell, order):
    """Do one of the writes, with all that follows from it."""
    act, paths = ALL[order["write"]]
    rows = prepare()
    tell({"before": state(), "tokens": tokens(paths)})
    connection.close()
    outboxes.forget()
    riders._TOGETHER = 1
    Boundaries(tell, order["kill_at"]).install()
    act(rows)
    assert not delivery.finish(20)


def sweep(tell, order):
    """Take up what was left, as any other process does when the lease has run out."""
    wait_for_the_dead()
    tell({"after": state(), "found": OutboxEntry.objects.count()})
    OutboxEntry.objects.update(due=0)
    if order["kill_at"] is not None:
        connection.close()
        Boundaries(tell, order["kill_at"]).install()
    for _ in range(ROUNDS):
        worker.run_once()
        assert not delivery.finish(20)
        if not OutboxEntry.objects.update(due=0):
            break
    _, paths = ALL[order["write"]]
    tell({"left": OutboxEntry.objects.count(), "tokens": tokens(paths)})


def wait_for_the_dead():
    """Wait until PostgreSQL has seen that a client is gone, and released what it had locked."""
    others = 1 if connection.vendor == "postgresql" else 0
    while others:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid()"
            )
            others = cursor.fetchone()[0]
        time.sleep(0.001)


def tokens(paths):
    tags = sorted(purged_tags(PurgeBatch.of(paths)))
    return current_layers().generations.peek(tags)


ORDERS = {"write": write, "sweep": sweep}


def carry_out(order):
    """Let a child do it; return all that it has told, and how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            act = ORDERS[order["do"]]
            act(lambda told: os.write(writer, f"{json.dumps(told)}\n".encode()), order)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as lines:
        told = [json.loads(line) for line in lines]
    return {"told": told, "status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


if __name__ == "__main__":
    for model in (Animal, Food, Keeper):
        register(model)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)
