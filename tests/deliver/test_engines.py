"""Who delivers what was committed."""

import threading
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dumper_purge.backends.locmem import LocMemBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver import delivery
from dumper_purge.deliver.outbox import claims, encoding, engines
from dumper_purge.deliver.outbox.engines import hand_over
from dumper_purge.respond import fence
from tests.deliver.rows import entries, targets
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

BATCH = PurgeBatch.of(["/news/"])
REFS = [EntryRef("default", "1"), EntryRef("other", "2"), EntryRef("default", "3")]
HERE = "tests.deliver.test_engines"

given = []


def take(using, ids):
    """An engine that takes whatever it is given."""
    given.append((using, ids))


def refuse(using, ids):
    """An engine whose broker is down."""
    given.append((using, ids))
    raise ConnectionRefusedError("the broker is down")


@pytest.fixture(autouse=True)
def _nothing_given():
    given.clear()


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1_000.0)
    monkeypatch.setattr(engines, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def test_inline_nothing_is_given_away():
    assert hand_over(REFS) is False


def test_an_engine_is_given_the_ids_of_each_database(settings):
    settings.DUMPER_ENGINE = f"{HERE}.take"

    assert hand_over(REFS) is True

    assert given == [("default", ["1", "3"]), ("other", ["2"])]


def test_a_worker_is_not_told_where_the_database_cannot(settings):
    settings.DUMPER_ENGINE = "worker"

    with CaptureQueriesContext(connection) as queries:
        assert hand_over(REFS) is True

    assert len(queries) == 0


@pytest.mark.parametrize("name", [f"{HERE}.refuse", "no.such.engine", f"{HERE}.missing"])
def test_an_engine_that_fails_raises_nothing_and_is_left_alone_for_ten_seconds(
    settings, clock, caplog, name
):
    settings.DUMPER_ENGINE = name

    assert [hand_over(REFS), hand_over(REFS)] == [True, True]
    warnings = caplog.text.count("takes no entries now, they wait")
    clock.seconds += 10
    hand_over(REFS)

    assert warnings == 1
    assert caplog.text.count("takes no entries now, they wait") == 2
    assert f"DUMPER_ENGINE '{name}'" in caplog.text


def test_an_engine_that_takes_entries_again_is_given_them(settings, clock):
    settings.DUMPER_ENGINE = f"{HERE}.refuse"
    hand_over(REFS)
    settings.DUMPER_ENGINE = f"{HERE}.take"
    given.clear()

    clock.seconds += 9
    hand_over(REFS)
    assert given == []
    clock.seconds += 1
    hand_over(REFS)

    assert len(given) == 2


# Deliveries


@pytest.fixture
def site(settings):
    settings.DUMPER_BACKENDS = {
        "pages": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"},
        "edge": tier("e"),
    }
    settings.DUMPER_ENGINE = f"{HERE}.take"
    LocMemBackend.sent("pages").clear()
    return settings


def deliver():
    """Deliver a batch that is entered in the outbox; return the reference."""
    ref = delivery.write(BATCH, "default")
    delivery.deliver(BATCH, entries=[ref])
    return ref


def test_the_edge_is_left_to_the_engine_and_the_entry_stays(site, stage):
    ref = deliver()

    assert given == [("default", [ref.id])]
    assert stage.events == []
    assert targets() == [("", "", "send", "pending")]


def test_what_needs_no_io_and_the_fence_are_purged_at_once(site, monkeypatch):
    monkeypatch.setattr(fence, "record", given.append)

    deliver()

    assert given[0] == BATCH
    assert LocMemBackend.sent("pages") == [BATCH]


@pytest.mark.parametrize("name", ["worker", "tests.deliver.test_engines.take"])
def test_no_thread_is_started_for_what_is_given_away(site, name, monkeypatch):
    site.DUMPER_ENGINE = name
    monkeypatch.setattr(delivery.sweeper, "_uncounted", 0)
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread"))

    deliver()

    assert len(entries()) == 1


def test_a_worker_may_take_an_entry_up_at_once_and_others_get_time(site):
    site.DUMPER_INLINE_BUDGET = 1
    leases = []

    for name in ("worker", "inline", f"{HERE}.take"):
        site.DUMPER_ENGINE = name
        ref = delivery.write(BATCH, "default")
        row = next(row for row in entries() if row.pk == ref.id)
        leases.append(row.due - row.created)

    assert leases == [pytest.approx(seconds, abs=0.1) for seconds in (0, 5, 5)]


def test_a_broker_that_is_down_costs_no_purge(site, stage):
    site.DUMPER_ENGINE = f"{HERE}.refuse"

    ref = deliver()

    assert [row.pk for row in entries()] == [ref.id]
    assert stage.events == []


def test_what_is_in_no_outbox_is_delivered_here_whatever_the_engine(site, stage):
    delivery.deliver(BATCH)

    assert given == []
    assert stage.names() == [("send", "e")]


def test_where_no_edge_is_left_the_engine_is_not_asked(site):
    site.DUMPER_BACKENDS = {"pages": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"}}

    deliver()

    assert given == []
    assert entries() == []


def test_a_save_that_commits_hands_over_what_can_be_claimed(site):
    ref = deliver()

    (row,) = claims.claim("default", limit=9, lease=9, ids=given[0][1])

    assert (row.ref, encoding.decoded(row.batch)) == (ref, BATCH)
