"""Whoever takes up an entry is alone with it, until the lease runs out."""

import json
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection, connections, transaction

from demo.machine import environment
from dumper_purge.deliver.outbox import claims, sql, table
from tests.outbox.conftest import SERVERS
from tests.outbox.rows import claimed, due, put, stored, written


def in_thread(target):
    """Run it beside this thread; return the thread, with ``result`` or ``error``."""

    def run():
        try:
            thread.result = target()
        except Exception as error:
            thread.error = error
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.result = thread.error = None
    thread.start()
    return thread


def test_what_is_claimed_is_nobody_elses_before_the_lease_is_over(database):
    refs = written(3)

    assert claimed() == [ref.id for ref in refs]
    assert claimed() == []


def test_a_lease_that_ran_out_is_taken_again(database):
    refs = written(1)

    assert claimed(lease=-1) == [refs[0].id]
    assert claimed() == [refs[0].id]


def test_what_is_not_due_is_left_alone(database):
    written(1, lease=60)

    assert claimed() == []


def test_what_is_due_for_longest_comes_first(database):
    for number, when in enumerate([30, 10, 20]):
        put(id=str(number), due=when)

    assert claimed(limit=2) == ["1", "2"]


def test_dead_letters_are_never_claimed(database):
    put(state="dead")

    assert claimed() == []
    assert claimed(ids=["0" * 32]) == []


def test_entries_are_claimed_by_name_before_they_are_due(database):
    refs = written(3, lease=60)

    assert claimed(ids=[refs[1].id, "f" * 32]) == [refs[1].id]


def test_thousands_are_claimed_and_closed_at_once(database):
    written(2_500)

    rows = claims.claim("default", limit=3_000, lease=30)
    table.close([row.ref for row in rows])

    assert len(rows) == 2_500
    assert stored() == []


def test_claimers_at_once_never_get_the_same_entry(database):
    refs = written(120)
    barrier = threading.Barrier(4)

    def claim_all():
        barrier.wait(10)
        got = []
        while some := claimed(limit=3):
            got += some
        return got

    threads = [in_thread(claim_all) for _ in range(4)]
    for thread in threads:
        thread.join(30)
    taken = [key for thread in threads for key in thread.result or ()]

    assert [thread.error for thread in threads] == [None] * 4
    assert sorted(taken) == [ref.id for ref in refs]


@pytest.mark.parametrize("database", SERVERS, indirect=True)
def test_what_another_is_claiming_is_passed_over_without_waiting(database):
    refs = written(4)

    with transaction.atomic():
        mine = claimed(limit=2)
        thread = in_thread(claimed)
        thread.join(10)
        assert thread.error is None
        assert sorted(mine + thread.result) == [ref.id for ref in refs]


@pytest.mark.parametrize("database", ["sqlite", "sqlite_wal"], indirect=True)
def test_where_no_row_can_be_locked_a_claim_waits_for_the_other(database):
    refs = written(4)

    with transaction.atomic():
        mine = claimed(limit=2)
        thread = in_thread(claimed)
        time.sleep(0.1)
        assert thread.result is None
    thread.join(10)

    assert sorted(mine + thread.result) == [ref.id for ref in refs]


def test_claims_closings_and_saves_at_once_lose_nothing_and_raise_nothing(database):
    """Four claim and close while two write."""
    ended = threading.Event()

    def writes():
        return [ref.id for _ in range(30) for ref in written(2)]

    def claiming():
        got = []
        while True:
            was_ended = ended.is_set()
            rows = claims.claim("default", limit=5, lease=60)
            table.close([row.ref for row in rows])
            got += [row.ref.id for row in rows]
            if was_ended and not rows:
                return got

    writers = [in_thread(writes) for _ in range(2)]
    claimers = [in_thread(claiming) for _ in range(4)]
    for thread in writers:
        thread.join(60)
    ended.set()
    for thread in claimers:
        thread.join(60)

    assert [thread.error for thread in writers + claimers] == [None] * 6
    taken = [key for thread in claimers for key in thread.result]
    assert sorted(taken) == sorted(key for thread in writers for key in thread.result)
    assert stored() == []


def test_the_next_due_time_is_told_in_seconds_from_now(database):
    assert claims.next_due("default") is None
    written(2)

    due(100)
    assert 95 < claims.next_due("default") <= 100
    due(-100)
    assert -105 < claims.next_due("default") <= -99


def test_the_clock_is_that_of_the_epoch(database):
    assert abs(sql.clock("default") - time.time()) < 2


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("database", SERVERS, indirect=True)
@pytest.mark.parametrize("skew", ["-2h", "+2h"])
def test_a_process_whose_clock_is_wrong_claims_by_the_clock_of_the_database(database, skew):
    refs = written(2)
    due(100)
    claims.claim("default", limit=1, lease=-1, ids=[refs[0].id])
    settings = {"DATABASES": {"default": servers(connection)}}
    variables = environment.variables() | {
        "DJANGO_SETTINGS_MODULE": "tests.outbox.site.settings",
        "OUTBOX_SITE": json.dumps(settings),
    }

    done = subprocess.run(
        ["faketime", "-f", skew, sys.executable, "-m", "tests.outbox.site.skewed"],
        capture_output=True, cwd=environment.ROOT, env=variables, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert abs(seen["skew"]) > 7_000
    assert seen["claimed"] == [refs[0].id]
    assert 20 < seen["next_due"] <= 30


def servers(connection):
    """Return an entry for DATABASES that leads to the same database."""
    names = "ENGINE NAME USER PASSWORD HOST PORT OPTIONS".split()
    return {name: connection.settings_dict[name] for name in names}
