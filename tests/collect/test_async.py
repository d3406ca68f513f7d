"""The asynchronous methods, in one task and in several."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.purges import purge_paths
from dumper_purge.collect.scope import collecting, open_request, paused
from tests.zoo.models import Animal, Food, Keeper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def keepers(register):
    register(Keeper)


def run(main):
    """Run a coroutine function in the thread that has the database."""
    from asgiref.sync import async_to_sync

    return async_to_sync(main)()


def test_every_asynchronous_method_is_seen(outlet):
    async def main():
        ann = await Keeper.objects.acreate(slug="a")
        ann.slug = "b"
        await ann.asave()
        await Keeper.objects.filter(slug="b").aupdate(slug="c")
        await Keeper.objects.abulk_create([Keeper(slug="d")])
        ann.slug = "e"
        await Keeper.objects.abulk_update([ann], ["slug"])
        await ann.adelete()
        await Keeper.objects.all().adelete()

    run(main)

    assert outlet.paths == [
        {"/keepers/a/"},
        {"/keepers/a/", "/keepers/b/"},
        {"/keepers/b/", "/keepers/c/"},
        {"/keepers/d/"},
        {"/keepers/c/", "/keepers/e/"},
        {"/keepers/e/"},
        {"/keepers/d/"},
    ]


def test_many_to_many_relations_are_seen(outlet, register):
    register(Animal)

    async def main():
        fox = await Animal.objects.acreate(name="fox", slug="fox")
        hay = await Food.objects.acreate(name="hay")
        await fox.foods.aadd(hay)
        await fox.foods.aclear()

    run(main)

    assert outlet.paths == [{"/animals/fox/"}] * 3


def test_collecting_spans_the_awaits_of_its_task(outlet):
    async def main():
        with collecting():
            await Keeper.objects.acreate(slug="a")
            await Keeper.objects.acreate(slug="b")
            assert outlet.sent == []

    run(main)

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/"}]


def test_paused_keeps_back_nothing_of_a_task_that_was_begun_inside(outlet):
    async def child():
        await Keeper.objects.acreate(slug="b")
        await Keeper.objects.filter(slug="b").aupdate(name="b")

    async def main():
        with paused() as kept:
            await Keeper.objects.acreate(slug="a")
            await asyncio.create_task(child())
        assert kept.batch == PurgeBatch.of(["/keepers/a/"])

    run(main)

    assert outlet.paths == [{"/keepers/b/"}] * 2


def test_collecting_in_paused_keeps_back_nothing_of_a_task_that_was_begun_inside(outlet):
    async def child():
        await Keeper.objects.acreate(slug="b")

    async def main():
        with paused(), collecting():
            await asyncio.create_task(child())

    run(main)

    assert outlet.paths == [{"/keepers/b/"}]


def test_tasks_that_had_begun_before_have_no_say(outlet):
    async def main():
        other = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        with paused():
            await Keeper.objects.acreate(slug="a")
        other.cancel()

    run(main)

    assert outlet.sent == []


def test_tasks_do_not_mix(outlet):
    async def worker(names, entered, left):
        with collecting():
            for name in names:
                await Keeper.objects.acreate(slug=name)
            entered.set()
            await left.wait()

    async def main():
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(worker("ab", first, second), worker("cd", second, first))

    run(main)

    assert sorted(outlet.paths, key=sorted) == [
        {"/keepers/a/", "/keepers/b/"},
        {"/keepers/c/", "/keepers/d/"},
    ]


def test_a_task_that_is_started_in_a_block_is_not_part_of_it(outlet):
    async def child():
        purge_paths("/child/")

    async def main():
        with paused() as held:
            await asyncio.create_task(child())
            purge_paths("/parent/")
        return held.batch

    assert run(main) == PurgeBatch(paths=frozenset({"/parent/"}))
    assert outlet.paths == [{"/child/"}]


def test_a_request_merges_the_awaits_of_its_view(outlet):
    async def main():
        with open_request() as scope:
            await Keeper.objects.acreate(slug="a")
            await asyncio.gather(Keeper.objects.acreate(slug="b"), Keeper.objects.acreate(slug="c"))
            assert scope.collected_changes

    run(main)

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/", "/keepers/c/"}]


def test_a_transaction_in_a_thread_of_a_task_is_one_batch(outlet):
    @sync_to_async
    def change():
        with transaction.atomic():
            Keeper.objects.create(slug="a")
            Keeper.objects.create(slug="b")

    async def main():
        with collecting():
            await change()
            await Keeper.objects.acreate(slug="c")

    run(main)

    assert outlet.paths == [{"/keepers/a/", "/keepers/b/", "/keepers/c/"}]
