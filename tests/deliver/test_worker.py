"""``manage.py dumper worker``: in this process, and in one of its own on real databases."""

import json
import signal
import sqlite3
import statistics
import subprocess
import threading
import time
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from dumper_purge.deliver import worker as workers
from dumper_purge.deliver.outbox import claims, databases, outboxes, sql
from dumper_purge.deliver.worker import Worker, run_once
from dumper_purge.exceptions import Transient
from dumper_purge.paths import path_tag
from tests import postgres
from tests.backends.scripted import PURGED, hanging
from tests.contrib.site import site
from tests.deliver.rows import entries, put, quiet
from tests.deliver.stage import failing, tier

pytest_plugins = ["tests.deliver.files"]

COMMAND = ("django", "dumper", "worker")


# In this process


def worker(*args):
    return call_command("dumper", "worker", *args)


@pytest.fixture
def two_tiers(files, settings, stage):
    settings.DUMPER_BACKENDS = {"inner": tier("i"), "outer": tier("o")}
    return stage


def test_once_delivers_what_is_due_and_what_that_entails(two_tiers, capsys):
    put("/now/", alias="inner", node="i")
    put("/later/", seconds=60)

    worker("--once")

    assert two_tiers.names() == [("send", "i"), ("send", "o")]
    assert capsys.readouterr().out == "Took up 2 entries.\n"
    assert len(entries()) == 1


def test_once_where_nothing_is_due_says_nothing_as_cron_would_mail_it(two_tiers, capsys):
    worker("--once")

    assert capsys.readouterr().out == ""


def test_once_comes_to_an_end_although_a_node_is_down(two_tiers):
    two_tiers.script["i"] = failing(Transient("down"))
    put("/now/")

    assert run_once() == 1

    assert [row.alias for row in entries()] == ["inner"]


@pytest.mark.parametrize("switch", ["DUMPER_OUTBOX", "DUMPER_ENABLED"])
def test_where_there_is_no_outbox_it_refuses(settings, switch):
    setattr(settings, switch, False)

    with pytest.raises(CommandError, match="There is no outbox"):
        worker()


def test_where_there_is_no_table_it_says_what_to_do(files, monkeypatch):
    monkeypatch.setattr(databases, "has_table", lambda using: False)

    outboxes.forget()

    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        worker("--once")


@pytest.fixture
def turns(files, monkeypatch):
    """Let a worker make so many turns without waiting; return how long it would have waited."""

    def make(number, worker=None):
        worker, waits = worker or Worker(), []

        def wait(self, seconds):
            waits.append(seconds)
            quiet()
            if len(waits) == number:
                self.stop()

        monkeypatch.setattr(Worker, "_is_woken_within", wait)
        worker.run()
        return waits

    return make


def test_where_nothing_is_due_it_looks_less_and_less_often_but_often_enough(turns):
    waits = turns(12)

    assert waits == sorted(waits)
    assert waits[0] <= 0.1
    assert set(waits[-5:]) == {2.0}


def test_a_turn_without_work_takes_few_queries(turns):
    turns(1)

    with CaptureQueriesContext(connection) as queries:
        turns(10)

    assert len(queries) <= 10 * 5


def test_it_waits_no_longer_than_until_something_is_due(turns, monkeypatch):
    monkeypatch.setattr(claims, "next_due", lambda using: {"default": 0.03, "other": 0.02}[using])

    assert turns(1) == [0.02]


def test_after_work_it_looks_again_soon(turns, two_tiers):
    worker = Worker()
    turns(10, worker)
    put("/now/")

    worker._stopped = False

    assert turns(1, worker)[0] <= 0.1
    assert entries() == []


def test_a_database_that_fails_is_asked_again_less_and_less_often(turns, monkeypatch, caplog):
    def broken(using):
        raise OperationalError("the database is down")

    monkeypatch.setattr(claims, "next_due", broken)
    waits = turns(10)

    assert waits == sorted(waits)
    assert waits[0] < 1 < waits[-1] <= 5
    assert "The worker cannot reach the outbox: the database is down" in caplog.text


def test_a_database_that_can_be_read_but_not_swept_is_not_asked_without_a_pause(
    turns, monkeypatch, caplog
):
    def refuse(using, **options):
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(claims, "claim", refuse)
    put("/now/")

    waits = turns(5)

    assert "readonly" in caplog.text
    assert sum(waits) > 0.3


def test_what_is_in_hand_is_bounded(turns, two_tiers, monkeypatch):
    monkeypatch.setattr(workers, "_MOST_IN_HAND", 3)
    release, begun = threading.Event(), threading.Event()

    def hold(number):
        begun.set()
        release.wait(5)

    two_tiers.script["o"] = hold
    found = Worker()
    for number in range(4):
        put(f"/{number}/", alias="outer")
    found._turn()
    assert begun.wait(5)
    put("/more/", alias="outer")

    found._turn()

    assert [row.due < sql.clock("default") for row in entries()].count(True) == 1
    release.set()
    quiet()
    found._turn()
    quiet()
    assert entries() == []


def test_the_handlers_of_signals_are_put_back(turns):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    turns(1)

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


# On SQLite, in a process of its own


class Database:
    """The database of a site, over connections of the test's own."""

    def __init__(self, connect):
        self._connect = connect

    def execute(self, *statements):
        with closing(self._connect()) as connection:
            for statement in statements:
                result = connection.execute(statement)
            rows = result.fetchall() if result.description else []
            connection.commit()
        return rows

    def put(self, *paths):
        values = [
            f"('{path}{time.monotonic_ns()}', '{json.dumps({'v': 1, 'paths': [path]})}',"
            f" '', '', 'send', 0, 0, {time.time()}, 'pending', '')"
            for path in paths
        ]
        columns = "id, batch, alias, node, step, attempts, due, created, state, error"
        table = "dumper_purge_outboxentry"
        self.execute(f"INSERT INTO {table} ({columns}) VALUES {', '.join(values)}")

    def count(self):
        return self.execute("SELECT COUNT(*) FROM dumper_purge_outboxentry")[0][0]


@pytest.fixture
def shop(tmp_path):
    """A site on SQLite that leaves its purges to a worker."""
    with site(tmp_path, DUMPER_ENGINE="worker", DUMPER_EXIT_TIMEOUT=2) as made:
        made.rows = Database(lambda: sqlite3.connect(made.database, timeout=30))
        yield made


def purged(shop):
    return "".join(shop.edge.received)


def test_a_process_delivers_once_and_ends(shop):
    shop.rows.put("/a/", "/b/")

    out = shop.run(*COMMAND, "--once")

    assert out == "Took up 2 entries.\n"
    assert path_tag("/a/") in purged(shop)
    assert shop.rows.count() == 0


def test_a_process_takes_up_what_comes_while_it_runs(shop):
    with shop.running(*COMMAND):
        for path in ("/a/", "/b/"):
            shop.rows.put(path)
            shop.wait_until(lambda: shop.rows.count() == 0)

    assert path_tag("/b/") in purged(shop)


@contextmanager
def held(shop):
    """Let the edge answer only when the yielded ``go`` is set; ``begun`` tells of a request."""
    begun, go = threading.Event(), threading.Event()

    def script(talk, number):
        while talk.request():
            begun.set()
            go.wait(20)
            talk.send(PURGED)

    shop.edge.script = script
    try:
        yield begun, go
    finally:
        go.set()


def test_sigterm_lets_a_purge_that_was_begun_come_to_its_end(shop):
    shop.rows.put("/a/")

    with held(shop) as (begun, go), shop.running(*COMMAND) as process:
        assert begun.wait(20)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        go.set()

        assert process.wait(10) == 0
    assert shop.rows.count() == 0


def test_sigterm_does_not_wait_for_ever_and_what_was_begun_stays(shop):
    shop.edge.script = hanging
    shop.rows.put("/a/")

    with shop.running(*COMMAND) as process:
        shop.wait_until(lambda: shop.edge.received)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    # DUMPER_EXIT_TIMEOUT is 2 s.
    assert time.monotonic() - started < 3.5
    assert shop.rows.count() == 1


def test_a_worker_that_was_killed_leaves_what_it_had_to_the_next(shop):
    shop.rows.put("/a/")
    with held(shop) as (begun, _), shop.running(*COMMAND) as process:
        assert begun.wait(20)
        process.kill()
        process.wait(10)
    shop.make_due()

    assert shop.run(*COMMAND, "--once") == "Took up 1 entry.\n"
    assert shop.rows.count() == 0


@pytest.mark.stress
def test_two_workers_share_the_work_and_do_nothing_twice(shop):
    with shop.running(*COMMAND), shop.running(*COMMAND):
        for number in range(30):
            shop.rows.put(*[f"/{number}/{i}/" for i in range(10)])
        shop.wait_until(lambda: shop.rows.count() == 0)

    heads = purged(shop)
    counts = {heads.count(path_tag(f"/{number}/{i}/")) for number in range(30) for i in range(10)}
    assert counts == {1}


# On PostgreSQL


@pytest.fixture(scope="module")
def server():
    with postgres.postgres_server(durable=False) as settings:
        yield settings


@pytest.fixture
def market(server, tmp_path):
    """A site on PostgreSQL that leaves its purges to a worker."""
    places = {"default": server}
    with site(tmp_path, DUMPER_ENGINE="worker", DATABASES=places) as made:
        made.rows = Database(lambda: connect(server))
        made.rows.execute("DELETE FROM dumper_purge_outboxentry")
        yield made


def connect(server):
    return psycopg.connect(
        host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"]
    )


def listening(market):
    """Wait until a worker listens and has nothing to do."""
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    market.wait_until(lambda: market.rows.execute(query)[0][0] > 0)


def arrivals(market):
    """Note when the edge is asked."""
    times, arrived = [], threading.Event()

    def script(talk, number):
        while talk.request():
            times.append(time.monotonic())
            arrived.set()
            talk.send(PURGED)

    market.edge.script = script
    return times, arrived


@pytest.mark.needs("postgres")
@pytest.mark.stress
def test_a_worker_is_woken_when_something_is_committed(market):
    times, arrived = arrivals(market)
    seconds = []

    with market.running(*COMMAND):
        listening(market)
        for number in range(15):
            arrived.clear()
            market.rows.put(f"/{number}/")
            started = time.monotonic()
            market.rows.execute("NOTIFY dumper_purge")
            assert arrived.wait(10)
            seconds.append(times[-1] - started)
            market.wait_until(lambda: market.rows.count() == 0)

    assert statistics.median(seconds) < 0.1, seconds


@pytest.mark.needs("postgres")
@pytest.mark.stress
def test_a_save_of_another_process_wakes_it(market):
    _, arrived = arrivals(market)

    with market.running(*COMMAND):
        listening(market)
        for _ in range(3):
            # It looks by itself every 5 s: three times in a row that would not be soon enough.
            time.sleep(1.2)
            arrived.clear()
            market.web("save")
            assert arrived.wait(0.5)
        market.wait_until(lambda: market.rows.count() == 0)

    assert path_tag("/memos/1/") in purged(market)


@pytest.mark.needs("postgres")
@pytest.mark.stress
def test_a_database_that_does_not_answer_keeps_no_worker_from_ending(market):
    with market.running(*COMMAND) as process, closing(market.rows._connect()) as other:
        listening(market)
        other.execute("LOCK TABLE dumper_purge_outboxentry IN ACCESS EXCLUSIVE MODE")
        market.wait_until(lambda: is_waiting(market))
        process.send_signal(signal.SIGTERM)

        assert process.wait(15) == 1


def is_waiting(market):
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    return market.rows.execute(query)[0][0]


@pytest.mark.needs("postgres")
@pytest.mark.stress
def test_an_idle_worker_costs_the_database_next_to_nothing(market):
    query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
    look = lambda: market.rows.execute("SELECT pg_stat_clear_snapshot()", query)[0][0]

    with market.running(*COMMAND):
        listening(market)
        # It looks less and less often, until it only waits to be woken.
        time.sleep(3)
        before = look()
        time.sleep(11)
        transactions = look() - before

    assert transactions <= 20


QUIETLY = {
    "check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": "/"
}  # fmt: skip
OPTIONS = """
    SELECT string_agg('-c ' || name || '=' || setting, ' ') FROM pg_settings
    WHERE source = 'command line' AND name <> 'data_directory'
"""


def _pg_ctl(folder):
    return postgres._as_owner(postgres._program("pg_ctl"), "-D", folder, "-w")


@contextmanager
def stopped(site):
    """Stop PostgreSQL for the block, and start it again with all that is in it."""
    folder = site.rows.execute("SHOW data_directory")[0][0]
    arguments = site.rows.execute(OPTIONS)[0][0]
    subprocess.run([*_pg_ctl(folder), "-m", "fast", "stop"], **QUIETLY)
    try:
        yield
    finally:
        start = [*_pg_ctl(folder), "-o", arguments, "-l", f"{folder}/log", "start"]
        subprocess.run(start, **QUIETLY)


@pytest.fixture
def fragile(tmp_path):
    """A site on a PostgreSQL of its own, which may be stopped."""
    with postgres.postgres_server(durable=False) as server:
        with site(tmp_path, DUMPER_ENGINE="worker", DATABASES={"default": server}) as made:
            made.rows = Database(lambda: connect(server))
            yield made
        folder = made.rows.execute("SHOW data_directory")[0][0]
        subprocess.run([*_pg_ctl(folder), "-m", "fast", "stop"], **QUIETLY)


@pytest.mark.needs("postgres")
@pytest.mark.stress
def test_a_worker_outlives_a_restart_of_its_database(fragile):
    with fragile.running(*COMMAND) as process:
        listening(fragile)
        fragile.rows.put("/before/")
        fragile.wait_until(lambda: fragile.rows.count() == 0)
        with stopped(fragile):
            # It comes to know that its connections are gone.
            time.sleep(1)
        fragile.rows.put("/after/")
        assert process.poll() is None, (fragile.folder / "output").read_text()
        fragile.wait_until(lambda: fragile.rows.count() == 0)
        listening(fragile)

        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert path_tag("/after/") in purged(fragile)
