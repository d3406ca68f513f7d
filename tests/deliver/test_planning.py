"""What is left of a purge is carried out when it is due, by the process that knows of it."""

import time

import pytest
from django.apps import apps
from django.db.models import F

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.deliver.carrying import background, closing, sweeper
from dumper_purge.deliver.outbox.rows import Left
from dumper_purge.exceptions import Transient
from tests.deliver.rows import entries, put, quiet
from tests.deliver.stage import failing, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])


@pytest.fixture(autouse=True)
def _site(settings):
    settings.DUMPER_BACKENDS = {"edge": tier("e"), "cdn": tier("c")}


def deliver():
    """Deliver a batch that is in the outbox, and wait until nobody works on it."""
    delivery.deliver(BATCH, entries=[delivery.write(BATCH, "default")])
    quiet()


def left(*seconds, dead=False):
    """Let that be what is left of a closing, due in so many seconds."""
    rows = [Left(batch=BATCH, alias="edge", node="e", seconds=each, dead=dead) for each in seconds]
    closing.ledger._plan(rows)


def carried_out(stage, times):
    """Wait until the edge was purged so often, and nothing is left; tell whether that came."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        if stage.names().count(("send", "e")) == times and not entries():
            return True
        time.sleep(0.01)
    return False


def test_a_second_purge_that_is_due_after_a_retry_is_carried_out(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.6), "cdn": tier("c")}
    stage.script["c"] = failing(Transient("down", retry_after=0.05), times=1)

    deliver()

    assert carried_out(stage, times=2)


def test_each_row_of_a_closing_is_carried_out_when_it_is_due(stage):
    for seconds in (0.05, 0.4, 0.8):
        put("/news/", alias="edge", node="e", seconds=seconds)

    left(0.4, 0.05, 0.8)

    assert carried_out(stage, times=3)


def test_a_closing_with_less_left_does_not_end_the_plan_of_another(stage):
    put("/news/", alias="edge", node="e", seconds=0.6)

    sweeper.sweep_in(0.1, until=1)
    sweeper.sweep_in(0.05, until=0.05)

    assert carried_out(stage, times=1)


def test_a_clock_of_the_database_that_steps_back_delays_a_second_purge_only(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.3)}

    deliver()
    apps.get_model("dumper_purge", "OutboxEntry").objects.update(due=F("due") + 0.3)

    assert carried_out(stage, times=2)


def test_what_others_know_of_is_left_to_them(stage):
    put("/news/", alias="edge", node="e", seconds=60)

    sweeper.sweep_in(0.02, until=0)
    with background._changed:
        assert background._changed.wait_for(lambda: background._timers.next_due() is None, 3)
    quiet()

    assert background._timers.next_due() is None
    assert stage.events == []
    assert len(entries()) == 1


def test_nothing_is_planned_for_dead_letters():
    left(0.1, dead=True)

    assert background._timers.next_due() is None
