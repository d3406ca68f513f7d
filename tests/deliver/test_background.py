"""Threads, timers, and processes that have neither or end too early."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connections

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import carrying, delivery
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.background.threads import threads_run
from dumper_purge.exceptions import Transient
from dumper_purge.signals import purge_failed, purge_sent
from tests.deliver.stage import failing, stage, tier

BATCH = PurgeBatch.of(["/news/"])
ROOT = Path(__file__).resolve().parents[2]


def sent(stage):
    return [node for step, node in stage.names() if step == "send"]


def purge_threads():
    return [thread for thread in threading.enumerate() if thread.name == "dumper"]


@pytest.fixture
def no_threads(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_threads_end_when_there_is_nothing_to_do(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("a", "b", repeat_after=0.05)}

    delivery.deliver(BATCH)
    assert delivery.finish(5) == []

    deadline = time.monotonic() + 5
    while purge_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert purge_threads() == []


def test_a_node_keeps_two_threads_busy_at_most(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("slow", waiting=True)}
    release = threading.Event()
    stage.settling["slow"] = lambda: release.wait(5)
    before = len(purge_threads())

    for i in range(50):
        delivery.deliver(PurgeBatch.of([f"/{i}/"]))
    busy = len(purge_threads()) - before
    release.set()

    assert busy <= 2
    assert delivery.finish(5) == []


@pytest.mark.usefixtures("no_threads")
def test_where_no_thread_can_start_delivery_is_inline(settings, stage, caplog):
    settings.DUMPER_BACKENDS = {"inner": tier("a", "b"), "outer": tier("o")}
    settings.DUMPER_INLINE_BUDGET = 0

    delivery.deliver(BATCH)
    delivery.deliver(BATCH)

    assert sent(stage) == ["a", "b", "o"] * 2
    assert caplog.text.count("Purges are sent inline") == 1


@pytest.mark.usefixtures("no_threads")
def test_inline_a_second_purge_is_sent_with_a_later_delivery(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.05)}

    delivery.deliver(BATCH)
    time.sleep(0.06)
    assert sent(stage) == ["e"]
    delivery.deliver(PurgeBatch.of(["/other/"]))

    assert [event[2] for event in stage.events][:2] == [BATCH, BATCH]


@pytest.mark.usefixtures("no_threads")
def test_inline_nothing_waits_for_a_page_that_may_wait_for_this_thread(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e", waiting=True)}

    delivery.deliver(BATCH)

    assert stage.names() == [("send", "e")]
    assert delivery.finish(5) == []
    assert stage.names() == [("send", "e"), ("send", "e")]


@pytest.mark.usefixtures("no_threads")
def test_inline_a_failed_purge_is_retried_with_a_later_delivery(settings, stage, soon):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    stage.script["e"] = failing(Transient("down"), times=1)

    delivery.deliver(BATCH)
    time.sleep(0.05)
    delivery.deliver(PurgeBatch.of(["/other/"]))

    assert [event[2] for event in stage.events][:2] == [BATCH, BATCH]


@pytest.mark.parametrize(
    "options, runs",
    [
        ({}, False),
        ({"enable-threads": True}, True),
        ({"enable-threads": b"true"}, True),
        ({"enable-threads": "1"}, True),
        ({"enable-threads": b"false"}, False),
        ({"enable-threads": False}, False),
        ({"threads": b"4"}, True),
        ({"threads": b"0"}, False),
    ],
)
def test_uwsgi_runs_threads_only_if_it_is_told(monkeypatch, options, runs):
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt=options))

    assert threads_run() is runs


def test_under_uwsgi_without_threads_no_thread_is_started(settings, stage, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt={}))
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread"))
    settings.DUMPER_BACKENDS = {"edge": tier("e")}

    delivery.deliver(BATCH)

    assert sent(stage) == ["e"]
    assert "enable-threads" in caplog.text


def test_timers_fire_in_order_and_on_time():
    fired = []
    background = Background(lambda entries: None)
    started = time.monotonic()

    for seconds in (0.15, 0.05, 0.1):
        background.later(seconds, lambda s=seconds: fired.append((s, time.monotonic() - started)))
    assert background.finish(5) == []

    assert [s for s, _ in fired] == [0.05, 0.1, 0.15]
    assert all(s <= at < s + 0.1 for s, at in fired)


def test_an_action_that_ends_its_thread_ends_no_other_timer():
    fired = threading.Event()
    background = Background(lambda entries: None)
    background.later(0.01, sys.exit)
    background.later(0.05, fired.set)

    assert fired.wait(5)


def test_a_receiver_that_ends_its_thread_loses_no_purge(settings, stage, soon, caplog):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    go = threading.Event()

    def down_once(number):
        if number == 0:
            go.wait(5)
            raise Transient("down")

    def receiver(**kwargs):
        raise SystemExit

    stage.script["e"] = down_once
    purge_failed.connect(receiver)
    try:
        delivery.deliver(PurgeBatch.of(["/failed/"]))
        stage.wait_for(1)
        delivery.deliver(PurgeBatch.of(["/waiting/"]))
        go.set()
        stage.wait_for(2)
        assert delivery.finish(5) == []
    finally:
        purge_failed.disconnect(receiver)

    purged = set().union(*(event[2].paths for event in stage.events[1:]))
    assert purged == {"/failed/", "/waiting/"}
    assert "A purge was interrupted" in caplog.text


def test_what_is_optional_is_not_waited_for():
    background = Background(lambda entries: None)
    background.later(60, lambda: None, optional=True)

    started = time.monotonic()
    assert background.finish(5) == []

    assert time.monotonic() - started < 1


def test_finishing_names_what_is_still_pending(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("hangs", "later", repeat_after=60)}
    release = threading.Event()
    stage.script["hangs"] = lambda number: release.wait(5)

    delivery.deliver(BATCH)
    stage.wait_for(2)
    pending = delivery.finish(0.1)
    release.set()

    assert sorted(map(str, pending)) == ["edge at hangs", "edge at later"]


@pytest.mark.django_db(databases=["default", "other"], transaction=True)
def test_the_database_connections_of_a_thread_are_closed(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}
    closed = threading.Event()

    def receiver(**kwargs):
        connection = connections["other"]
        connection.ensure_connection()
        connection.close = closed.set

    purge_sent.connect(receiver)
    try:
        delivery.deliver(BATCH)
        assert delivery.finish(5) == []
    finally:
        purge_sent.disconnect(receiver)

    assert closed.wait(5)


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_with_nothing_and_works(settings, stage):
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_BACKENDS = {"edge": tier("slow", repeat_after=60)}
    release = threading.Event()
    stage.script["slow"] = lambda number: release.wait(5)
    delivery.deliver(BATCH)
    stage.wait_for(1)

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            stage.forget()
            pending = len(delivery.finish(0))
            settings.DUMPER_INLINE_BUDGET = 5.0
            delivery.deliver(PurgeBatch.of(["/child/"]))
            paths = [sorted(event[2].paths) for event in stage.events]
            os.write(writer, repr((pending, paths)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    release.set()

    assert os.read(reader, 1000).decode() == "(0, [['/child/']])"
    os.close(reader)
    os.close(writer)


def test_what_is_left_at_the_end_is_waited_for_and_told_once(settings, stage, caplog):
    """Some processes end by multiprocessing and by atexit, one after the other."""
    settings.DUMPER_INLINE_BUDGET = 0
    settings.DUMPER_EXIT_TIMEOUT = 0.2
    settings.DUMPER_BACKENDS = {"edge": tier("hangs")}
    release = threading.Event()
    stage.script["hangs"] = lambda number: release.wait(5)
    delivery.deliver(BATCH)
    stage.wait_for(1)

    delivery._exit()
    delivery._exit()
    release.set()

    assert caplog.text.count("The process ended before it could purge") == 1


def end_with_something_pending(path):
    """Purge in a process of multiprocessing, and end before the second purge is due."""
    stage.forget()
    delivery.deliver(PurgeBatch.of(["/child/"]))
    purge_sent.connect(lambda **kwargs: path.write_text("sent"), weak=False)


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_child_of_multiprocessing_finishes_what_is_pending(settings, stage, tmp_path):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.5)}
    path = tmp_path / "second"
    context = multiprocessing.get_context("fork")
    child = context.Process(target=end_with_something_pending, args=[path])

    child.start()
    child.join(20)

    assert child.exitcode == 0
    assert path.read_text() == "sent"


def test_a_process_that_was_started_by_multiprocessing_finishes_too(tmp_path):
    """It imports all of this only when it runs already."""
    path = tmp_path / "events"
    (tmp_path / "starter.py").write_text(STARTER.format(path=str(path)))

    result = subprocess.run(
        [sys.executable, "-W", "ignore", "starter.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert path.read_text() == "send\nsend\n"


STARTER = """
import multiprocessing

def child():
    from django.conf import settings
    settings.configure(
        DUMPER_SINGLE_PROCESS=True,
        DUMPER_BACKENDS={{
            "edge": {{
                "BACKEND": "tests.deliver.stage.StageBackend",
                "LOCATION": ["e"],
                "OPTIONS": {{"repeat_after": 0.5}},
            }}
        }},
    )
    import django
    django.setup()
    from dumper_purge.batch import PurgeBatch
    from dumper_purge.deliver import delivery
    from tests.deliver.stage import stage
    def happened(*event):
        with open("{path}", "a") as file:
            file.write(event[0] + "\\n")
    stage.happened = happened
    delivery.deliver(PurgeBatch.of(["/news/"]))

if __name__ == "__main__":
    process = multiprocessing.get_context("forkserver").Process(target=child)
    process.start()
    process.join(30)
"""


SCRIPT = """
import sys, time, logging
logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
from django.conf import settings
settings.configure(
    DUMPER_SINGLE_PROCESS=True, DUMPER_INLINE_BUDGET=0, DUMPER_EXIT_TIMEOUT={exit_timeout},
    DUMPER_BACKENDS={backends},
)
import django
django.setup()
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import carrying, delivery
from tests.deliver.stage import stage, failing
from dumper_purge.exceptions import Transient
started = time.monotonic()
def happened(*event):
    sys.stdout.write(f"event {{event[0]}} {{event[1]}}\\n")
    stage.events.append(event)
stage.happened = happened
{setup}
delivery.deliver(PurgeBatch.of(["/news/"]))
sys.stdout.write("end\\n")
"""


def at_exit(backends, setup="", exit_timeout=5.0):
    """Run a process that ends at once after a delivery; return its lines and its seconds."""
    script = SCRIPT.format(backends=repr(backends), setup=setup, exit_timeout=exit_timeout)
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.splitlines(), time.monotonic() - started


def test_a_process_finishes_what_is_pending_before_it_ends():
    setup = "stage.script['a'] = lambda number: time.sleep(0.3)"

    lines, _ = at_exit({"inner": tier("a", "b"), "outer": tier("o")}, setup)

    assert sorted(lines) == ["end", "event send a", "event send b", "event send o"]


def test_a_process_waits_for_the_second_purge_before_it_ends():
    lines, _ = at_exit({"inner": tier("i", repeat_after=0.5), "outer": tier("o")})

    assert lines[-2:] == ["event send i", "event send o"]
    assert len(lines) == 5


def test_what_would_come_too_late_is_done_at_the_end_of_the_process():
    lines, seconds = at_exit({"edge": tier("e", repeat_after=600)}, exit_timeout=1.0)

    assert lines.count("event send e") == 2
    assert seconds < 5


def test_a_process_that_ends_does_not_wait_for_ever_and_says_what_is_left():
    setup = "stage.script['e'] = lambda number: time.sleep(30)"

    lines, seconds = at_exit({"edge": tier("e", "f")}, setup, exit_timeout=1.0)

    assert "ERROR The process ended before it could purge 1 path on edge at e." in lines
    assert "event send f" in lines
    assert seconds < 6


def test_a_process_that_ends_tries_a_dead_node_once_more():
    setup = "stage.script['e'] = failing(Transient('down.'))"

    lines, _ = at_exit({"edge": tier("e")}, setup, exit_timeout=0.3)

    assert lines.count("event send e") >= 2
    assert lines[-1] == "ERROR The process ended before it could purge 1 path on edge at e."


def test_the_thread_of_timers_that_were_dropped_ends(stage):
    before = purge_threads()
    carrying.background.later(600, lambda: None, optional=True)
    (thread,) = set(purge_threads()) - set(before)

    delivery.forget()

    thread.join(5)
    assert not thread.is_alive()
