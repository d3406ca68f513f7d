"""Requests that see, when they are over, what another process left behind."""

import math

import pytest
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.deliver.carrying import sweeper
from dumper_purge.deliver.outbox import claims, outboxes, table
from tests.deliver.rows import entries, put, quiet
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture(autouse=True)
def _long_ago(files, settings, monkeypatch):
    """Let nobody have looked for long."""
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    assert outboxes.all_outboxes() == ["default", "other"]
    monkeypatch.setattr(sweeper, "_looked", -math.inf)


def end_request():
    """End a request; return the queries that it takes."""
    with CaptureQueriesContext(connection) as queries:
        request_finished.send(sender=None)
    return len(queries)


def test_what_a_process_that_died_left_behind_is_carried_out(stage):
    put("/news/")

    end_request()
    quiet()

    assert [event[2] for event in stage.events] == [BATCH]
    assert entries() == []


def test_where_nothing_is_due_a_request_only_looks(stage):
    put("/news/", seconds=60)

    assert end_request() == 1
    quiet()

    assert stage.events == []
    assert len(entries()) == 1


def test_it_is_looked_again_when_the_interval_is_over(monkeypatch):
    end_request()
    assert [end_request(), end_request()] == [0, 0]

    monkeypatch.setattr(sweeper, "_looked", sweeper._looked - 14)
    assert end_request() == 0
    monkeypatch.setattr(sweeper, "_looked", sweeper._looked - 1)

    assert end_request() == 1


@pytest.mark.parametrize(
    "switch", [{"DUMPER_SWEEP_INTERVAL": 0}, {"DUMPER_OUTBOX": False}, {"DUMPER_ENABLED": False}]
)
def test_it_may_be_switched_off(settings, stage, switch):
    for name, value in switch.items():
        setattr(settings, name, value)
    put("/news/")

    assert end_request() == 0
    quiet()

    assert stage.events == []


def test_nothing_is_looked_for_inside_a_transaction(stage):
    put("/news/")

    with transaction.atomic():
        assert end_request() == 0
    quiet()

    assert stage.events == []


def test_one_database_in_a_transaction_is_enough(stage):
    put("/news/")

    with transaction.atomic(using="other"):
        end_request()
    quiet()

    assert stage.events == []


def test_what_an_engine_may_be_about_to_take_up_is_given_ten_seconds(settings, stage, monkeypatch):
    settings.DUMPER_ENGINE = "worker"
    put("/late/", seconds=-9)
    end_request()
    quiet()
    early = list(stage.events)
    put("/later/", seconds=-11)
    monkeypatch.setattr(sweeper, "_looked", -math.inf)

    end_request()
    quiet()

    assert early == []
    assert stage.events[0][2] == PurgeBatch.of(["/late/", "/later/"])


def test_what_is_in_another_database_is_found_too(stage):
    put("/there/", using="other")

    end_request()
    quiet()

    assert entries("other") == []


def test_a_database_that_fails_breaks_no_request(stage, monkeypatch, caplog):
    def broken(using):
        raise OperationalError("the database is down")

    monkeypatch.setattr(claims, "next_due", broken)

    end_request()

    assert "The outbox of 'default' could not be looked at" in caplog.text
    assert stage.events == []


def test_a_delivery_looks_too_at_most_once_a_second(stage, monkeypatch):
    put("/left/", alias="edge", node="e")
    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    quiet()
    assert entries() == []

    put("/left/", alias="edge", node="e")
    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    quiet()

    assert len(entries()) == 1
