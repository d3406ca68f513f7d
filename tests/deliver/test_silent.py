"""A database that does not answer, or fails, is nobody else's trouble."""

import math
import threading

import pytest
from django.db import OperationalError

from dumper_purge import environment
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, sweep
from dumper_purge.deliver.carrying import background, sweeper
from dumper_purge.deliver.outbox import claims, table
from dumper_purge.deliver.upkeep import sweeper as sweepers
from tests.deliver.rows import batches, entries, put, quiet
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/a/"])


@pytest.fixture(autouse=True)
def _site(settings, monkeypatch):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    monkeypatch.setattr(environment, "is_test", lambda: False)
    monkeypatch.setattr(sweeper, "_looked", -math.inf)


@pytest.fixture
def asked(monkeypatch):
    """Return which databases are asked what is due, and whether in this thread."""
    found, next_due, here = [], claims.next_due, threading.get_ident()

    def look(using):
        found.append((using, threading.get_ident() == here))
        return next_due(using)

    monkeypatch.setattr(claims, "next_due", look)
    return found


@pytest.fixture
def other_hangs(monkeypatch):
    """Let nothing of the other database be read until the test is over."""
    release, claim = threading.Event(), claims.claim

    def hang(using, **options):
        if using == "other":
            release.wait(20)
        return claim(using, **options)

    monkeypatch.setattr(claims, "claim", hang)
    yield
    release.set()
    quiet()


def test_a_delivery_asks_its_own_database_and_leaves_others_to_their_clerks(asked, stage):
    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])
    quiet()

    assert sorted(asked) == [("default", True), ("other", False)]


def test_the_end_of_a_request_asks_none(asked):
    sweeper.look(0)
    quiet()

    assert sorted(asked) == [("default", False), ("other", False)]


def test_what_is_due_elsewhere_is_carried_out_by_its_clerk(stage):
    put("/there/", using="other")

    sweeper.look(0)
    quiet()

    assert (entries("other"), stage.names()) == ([], [("send", "e")])


def test_a_second_purge_waits_for_no_other_database(settings, stage, other_hangs):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.1)}

    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])

    stage.wait_for(2)
    assert stage.names() == [("send", "e")] * 2


def test_no_looks_pile_up_at_a_database_that_does_not_answer(asked):
    hangs = threading.Event()
    background.clerk("other").submit(lambda: hangs.wait(20))

    for _ in range(5):
        sweeper.look(0)
    hangs.set()
    quiet()

    assert [using for using, _ in asked].count("other") == 1


def test_a_look_goes_on_to_the_next_database_when_one_fails(stage, monkeypatch):
    put("/there/", using="other")
    next_due = claims.next_due

    def broken(using):
        if using == "default":
            raise OperationalError("no such table")
        return next_due(using)

    monkeypatch.setattr(claims, "next_due", broken)

    sweeper.look(0)
    quiet()

    assert stage.names() == [("send", "e")]


def test_a_plan_outlives_a_database_that_fails_for_a_while(settings, stage, monkeypatch):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.2)}
    monkeypatch.setattr(sweepers, "_SOON", 0.1)
    failures = iter([True] * 3)
    claim, next_due = claims.claim, claims.next_due

    def unsteady(what):
        def run(*args, **options):
            if stage.events and next(failures, None):
                raise OperationalError("the connection was lost")
            return what(*args, **options)

        return run

    monkeypatch.setattr(claims, "claim", unsteady(claim))
    monkeypatch.setattr(claims, "next_due", unsteady(next_due))

    delivery.deliver(BATCH, entries=[table.write(BATCH, "default", lease=9)])

    stage.wait_for(2)
    assert stage.names() == [("send", "e")] * 2


def test_many_rows_become_no_more_than_a_batch_may_hold(settings, stage):
    settings.DUMPER_BATCH_LIMIT = 10
    for number in range(5):
        put(batch=PurgeBatch.of(f"/{number}/{i}/" for i in range(4)))

    sweep.sweep()

    assert stage.events[0][2].everything
    assert len(stage.events[0][2].paths) <= 10
    assert batches() == []


def test_each_database_has_a_clerk_of_its_own():
    hangs, done = threading.Event(), threading.Event()
    background.clerk("one").submit(lambda: hangs.wait(20))

    background.clerk("another").submit(done.set)

    assert done.wait(5)
    assert background.clerk("one") is background.clerk("one")
    hangs.set()
