"""Celery as the engine: real messages in a real broker, carried out by a real worker."""

import base64
import json
import os
import signal

import pytest
from redis import Redis

from dumper_purge.contrib import celery
from dumper_purge.paths import path_tag
from tests.backends.scripted import answering, hanging, refused_url
from tests.contrib.site import TOKEN

pytestmark = pytest.mark.needs("redis-server")

ENGINE = "dumper_purge.contrib.celery.hand_over"
BUDGET = 1.0


@pytest.fixture
def shop(site_with):
    """Make a site whose broker is at this URL."""
    return lambda url, **more: site_with(DUMPER_ENGINE=ENGINE, CELERY_BROKER_URL=url, **more)


def worker(site, *options):
    quickly = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = ["celery", "-A", "tests.contrib.celery", "worker", "-l", "INFO"]
    return site.running(*command, *quickly, *options)


def messages(broker):
    with Redis.from_url(broker) as client:
        return [message.decode() for message in client.lrange("celery", 0, -1)]


def test_the_outbox_retries_and_celery_does_not():
    for task in (celery.carry_out_task, celery.sweep_task):
        assert task.acks_late is True
        assert task.ignore_result is True
        assert not hasattr(task, "autoretry_for")


def test_the_tasks_have_the_names_that_a_site_routes_by():
    assert celery.carry_out_task.name == "dumper_purge.carry_out"
    assert celery.sweep_task.name == celery.BEAT["dumper_purge.sweep"]["task"]
    assert celery.sweep_task.name == "dumper_purge.sweep"


def test_a_message_names_an_alias_and_the_ids_of_entries_and_nothing_else(shop, broker):
    site = shop(broker)

    site.web("save")

    (message,) = messages(broker)
    args, kwargs, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    assert (args, kwargs) == (["default", site.entries()], {})
    assert len(site.entries()) == 1
    assert json.loads(message)["headers"]["argsrepr"] == repr(("default", site.entries()))
    everything = message + repr(args)
    assert TOKEN not in everything
    assert "memos" not in everything


def test_a_worker_carries_out_what_a_save_handed_over(shop, broker):
    site = shop(broker)

    with worker(site):
        site.web("save")
        site.wait_until(lambda: not site.entries())

    assert path_tag("/memos/1/") in "".join(site.edge.received)
    assert messages(broker) == []


def test_a_save_does_not_need_the_broker_and_a_later_sweep_does_its_work(shop):
    site = shop(refused_url().replace("http", "redis"))

    saved = site.web("save")

    assert saved["seconds"] < 2 * BUDGET
    assert len(site.entries()) == 1
    assert site.edge.received == []
    site.make_due()
    assert site.web("sweep") == {"rows": 1}
    assert site.entries() == []
    assert path_tag("/memos/1/") in "".join(site.edge.received)


def test_a_worker_that_is_killed_loses_nothing(shop, broker):
    site = shop(broker)
    site.edge.script = hanging

    with worker(site) as process:
        site.web("save")
        site.wait_until(lambda: site.edge.received)
        os.killpg(process.pid, signal.SIGKILL)

    with Redis.from_url(broker) as client:
        assert client.hlen("unacked") == 1
    assert len(site.entries()) == 1
    site.edge.script = answering()
    site.make_due()
    assert site.web("sweep") == {"rows": 1}
    assert site.entries() == []


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("silence", ["mute", "full"])
def test_a_broker_that_is_silent_costs_a_save_no_more_than_the_budget(
    shop, request, scheme, silence
):
    port = request.getfixturevalue(silence)
    site = shop(f"{scheme}://127.0.0.1:{port}//", DUMPER_INLINE_BUDGET=BUDGET)

    saved = site.web("save")

    # Celery by itself: 4 s (amqp), or for ever (redis).
    assert saved["seconds"] < 3 * BUDGET
    assert len(site.entries()) == 1


def test_where_there_are_several_brokers_the_next_one_is_tried(shop, broker):
    site = shop(f"{refused_url().replace('http', 'redis')};{broker}")

    site.web("save")

    assert len(messages(broker)) == 1


@pytest.mark.stress
def test_beat_finds_what_no_message_names(shop, broker):
    site = shop(broker)
    site.web("save")
    with Redis.from_url(broker) as client:
        client.flushall()
    site.make_due()

    with worker(site, "--beat", "--schedule", str(site.folder / "schedule")):
        site.wait_until(lambda: not site.entries())

    assert path_tag("/memos/1/") in "".join(site.edge.received)
