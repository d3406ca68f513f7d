"""Django Tasks as the engine: real tasks, carried out by the workers that sites run."""

import json
import sqlite3
from contextlib import closing

import django
import pytest

from dumper_purge.paths import path_tag
from tests.backends.scripted import refused_url
from tests.contrib.site import TOKEN

ENGINE = "dumper_purge.contrib.tasks.hand_over"
PACKAGE = "django.tasks" if django.VERSION >= (6,) else "django_tasks"
DATABASE = "django_tasks_db.DatabaseBackend"
RQ = "django_tasks_rq.RQBackend"


@pytest.fixture
def shop(site_with):
    """Make a site whose tasks go to this backend."""

    def make(backend, *apps, **more):
        tasks = {"TASKS": {"default": {"BACKEND": backend}}}
        apps = ["dumper_purge", "tests.contrib", *apps]
        return site_with(DUMPER_ENGINE=ENGINE, INSTALLED_APPS=apps, **tasks, **more)

    return make


def queues(url):
    """Return what the README says: without the timeouts, a silent Redis holds up saves."""
    return {"RQ_QUEUES": {"default": {"URL": f"{url}?socket_connect_timeout=1&socket_timeout=1"}}}


def test_a_task_names_an_alias_and_the_ids_of_entries_and_nothing_else(shop):
    site = shop(DATABASE, "django_tasks_db")

    site.web("save")

    with closing(sqlite3.connect(site.database)) as connection:
        query = "SELECT task_path, args_kwargs, * FROM django_tasks_database_dbtaskresult"
        ((path, arguments, *rest),) = connection.execute(query)
    assert path == "dumper_purge.contrib.tasks.carry_out_entries"
    assert json.loads(arguments) == {"args": ["default", site.entries()], "kwargs": {}}
    assert TOKEN not in repr(rest)


def test_a_database_worker_carries_out_what_a_save_handed_over(shop):
    site = shop(DATABASE, "django_tasks_db")

    with site.running("django", "db_worker", "--interval", "0.1"):
        site.web("save")
        site.wait_until(lambda: not site.entries())

    assert path_tag("/memos/1/") in "".join(site.edge.received)


@pytest.mark.needs("redis-server")
def test_an_rq_worker_carries_out_what_a_save_handed_over(shop, broker):
    site = shop(RQ, "django_rq", **queues(broker))

    with site.running("django", "rqworker", "--job-class", "django_tasks_rq.Job"):
        site.web("save")
        site.wait_until(lambda: not site.entries())

    assert path_tag("/memos/1/") in "".join(site.edge.received)


def test_a_save_does_not_need_the_broker_and_a_later_sweep_does_its_work(shop):
    broker = f"{refused_url().replace('http', 'redis')}/0"
    site = shop(RQ, "django_rq", **queues(broker))

    saved = site.web("save")

    assert saved["seconds"] < 1.0
    assert len(site.entries()) == 1
    site.make_due()
    assert site.web("sweep") == {"rows": 1}
    assert site.entries() == []
    assert path_tag("/memos/1/") in "".join(site.edge.received)


@pytest.mark.parametrize("silence", ["mute", "full"])
def test_a_broker_that_is_silent_costs_a_save_no_more_than_its_timeout(shop, request, silence):
    port = request.getfixturevalue(silence)
    site = shop(RQ, "django_rq", **queues(f"redis://127.0.0.1:{port}/0"))

    saved = site.web("save")

    assert saved["seconds"] < 2.0
    assert len(site.entries()) == 1


def test_the_immediate_backend_carries_out_within_the_save(shop):
    site = shop(f"{PACKAGE}.backends.immediate.ImmediateBackend")

    site.web("save")

    assert site.entries() == []
    assert path_tag("/memos/1/") in "".join(site.edge.received)


def test_the_dummy_backend_leaves_it_to_the_outbox(shop):
    site = shop(f"{PACKAGE}.backends.dummy.DummyBackend")

    site.web("save")

    assert len(site.entries()) == 1
    assert site.edge.received == []
