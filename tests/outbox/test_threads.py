"""Many threads at once: nothing is lost, and nobody who saves gets an error."""

import threading

import pytest
from django.db import connections, transaction

from dumper_purge.backends import configured
from dumper_purge.deliver import bucket, delivery
from tests.deliver.stage import tier
from tests.outbox.rows import batch, stored
from tests.zoo.models import Keeper

THREADS = 4
SAVES = 15


def at_once(target):
    """Run ``target(number)`` in several threads at once; return results and errors."""
    barrier = threading.Barrier(THREADS)
    results, errors = [], []

    def run(number):
        try:
            barrier.wait(10)
            results.append(target(number))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results, errors


def saves(number):
    for i in range(SAVES):
        Keeper.objects.create(slug=f"k{number}-{i}")


def updates(number):
    keeper = Keeper.objects.get(name=str(number))
    for i in range(SAVES):
        keeper.slug = f"k{number}-{i}"
        keeper.save()


def transactions(number):
    for i in range(SAVES):
        with transaction.atomic():
            Keeper.objects.create(slug=f"k{number}-{i}")


@pytest.mark.parametrize("write", [saves, updates, transactions])
def test_what_many_threads_write_is_purged_and_leaves_nothing(database, inline, write):
    Keeper.objects.bulk_create(Keeper(name=str(number), slug="") for number in range(THREADS))

    _, errors = at_once(write)
    assert delivery.finish(20) == []

    assert errors == []
    wanted = {f"/keepers/k{number}-{i}/" for number in range(THREADS) for i in range(SAVES)}
    for node in "ab":
        purged = set().union(*(event[2].paths for event in inline.events if event[1] == node))
        assert wanted <= purged
    assert stored() == []


def test_a_budget_is_shared_by_all_who_take_from_it_at_once(database, settings, caplog):
    settings.DUMPER_BACKENDS = {"edge": tier("a", rate=0.001, burst=10)}
    (backend,) = configured()

    results, errors = at_once(lambda _: [bucket.take(backend, batch("/a/")) for _ in range(5)])

    assert errors == []
    waits = [wait for result in results for wait in result]
    assert len([wait for wait in waits if not wait]) == 10
    assert not [text for text in caplog.messages if "not shared" in text]
