"""A purge in parts, through the real outbox: nothing is lost, and little is doubled."""

import os
import signal
import threading
import time
from contextlib import ExitStack

import pytest
from django.apps import apps
from django.db import connections, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, retry
from dumper_purge.deliver.attempt import breakers
from dumper_purge.deliver.outbox import sql, table
from dumper_purge.deliver.sweep import sweep
from dumper_purge.paths import path_tag
from dumper_purge.signals import purge_failed, purge_sent
from tests.apis.server import HANG, RESET, Answer, serving
from tests.deliver.rows import batches, entries, targets
from tests.deliver.stage import stage as shared_stage
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
# It waits for threads and processes to do things in time, on machines that may be busy.
pytestmark = [pytest.mark.usefixtures("files"), pytest.mark.flaky(reruns=1)]

FASTLY = "dumper_purge.backends.fastly.FastlyBackend"
BATCH = PurgeBatch(paths=frozenset(f"/page/{number}/" for number in range(10_000)))
SMALL = PurgeBatch(paths=frozenset(f"/page/{number}/" for number in range(600)))
CALLS = 40
THROTTLED = Answer(429, {"msg": "Rate limit exceeded"}, {"Retry-After": "0"})
BAD = Answer(400, {"msg": "Bad request", "detail": "Invalid surrogate key"})


def edge(vendor, **options):
    options = {
        "service_id": "SU1Z",
        "token": "a-token-of-fastly",
        "base_url": vendor.url,
        **options,
    }
    options = {"read_timeout": 5.0, "repeat_after": 0.0, "concurrency": 4, **options}
    return {"BACKEND": FASTLY, "HOSTS": ["www.example.com"], "OPTIONS": options}


def ok(request, number=0):
    return Answer(200, dict.fromkeys(request.json["surrogate_keys"], "1"))


class Script:
    """Answers as it is told; remembers what it was asked, what it answered, and when."""

    def __init__(self, answers):
        self.answers = answers
        self.lock = threading.Lock()
        self.told = []

    def __call__(self, request, number):
        answer = self.answers(request, number)
        with self.lock:
            self.told.append((request, answer, time.monotonic()))
        return answer

    def purges(self):
        """Return when each tag was purged, by calls that were accepted."""
        found = {}
        for request, answer, at in list(self.told):
            if (
                isinstance(answer, Answer)
                and isinstance(answer.body, dict)
                and answer.status == 200
            ):
                for tag in set(request.json["surrogate_keys"]) & set(answer.body):
                    found.setdefault(tag, []).append(at)
        return found

    def counts(self):
        """Return how often tags were purged."""
        return {len(times) for times in self.purges().values()}


def tags(batch):
    return {path_tag(path) for path in batch.paths}


@pytest.fixture
def vendor():
    """Return a function that serves answers until the test ends."""
    with ExitStack() as stack:

        def serve(answers):
            script = Script(answers)
            script.url = stack.enter_context(serving(script)).url
            return script

        yield serve


@pytest.fixture
def signals():
    """Collect what became of each attempt, and whose it was."""
    found = []

    def sent(sender, *, alias, **kwargs):
        found.append(("sent", alias))

    def failed(sender, *, alias, **kwargs):
        found.append(("failed", alias))

    purge_sent.connect(sent)
    purge_failed.connect(failed)
    yield found
    purge_sent.disconnect(sent)
    purge_failed.disconnect(failed)


@pytest.fixture(autouse=True)
def _soon(monkeypatch, settings):
    """Let retries come soon, and what is due within a moment be carried out at once."""
    monkeypatch.setattr(retry, "_LONGEST", 0.02)
    settings.DUMPER_INLINE_BUDGET = 0.05
    settings.DUMPER_BACKLOG_LIMIT = 20_000
    shared_stage.forget()
    yield
    delivery.forget()


def deliver(batch):
    with transaction.atomic():
        ref = table.write(batch, "default", lease=30)
    delivery.deliver(batch, entries=[ref])


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, targets()
        time.sleep(0.01)


def finish(seconds=30):
    """Wait until nothing is in hand and no row is due, in this process or another's."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        delivery.finish(0.5)
        if all(row.state == "dead" for row in entries()):
            return
        if any(row.state == "pending" and row.due <= sql.clock("default") for row in entries()):
            sweep()
    raise AssertionError(targets())


# Throttled


def test_nothing_is_lost_or_doubled_at_a_vendor_that_throttles(settings, vendor):
    """After eight calls it wants a pause, again and again."""
    api = vendor(lambda request, number: THROTTLED if number % 9 == 8 else ok(request))
    settings.DUMPER_BACKENDS = {"edge": edge(api)}

    deliver(BATCH)
    finish()

    assert api.purges().keys() == tags(BATCH)
    assert api.counts() == {1}
    assert len(api.told) <= CALLS + CALLS // 8 + 1
    assert entries() == []


def test_the_second_purge_covers_what_was_sent_before_a_failure_too(settings, vendor):
    api = vendor(lambda request, number: THROTTLED if number == 1 else ok(request))
    settings.DUMPER_BACKENDS = {"edge": edge(api, repeat_after=0.5, concurrency=1)}

    deliver(SMALL)
    finish()

    purges = api.purges()
    assert purges.keys() == tags(SMALL)
    assert api.counts() == {2}
    assert all(second - first >= 0.5 for first, second in purges.values())
    assert entries() == []


def test_a_second_purge_that_is_throttled_is_finished_and_not_repeated(settings, vendor):
    api = vendor(lambda request, number: THROTTLED if number == 4 else ok(request))
    settings.DUMPER_BACKENDS = {"edge": edge(api, repeat_after=0.2, concurrency=1)}

    deliver(SMALL)
    finish()

    assert api.purges().keys() == tags(SMALL)
    assert api.counts() == {2}


def test_the_outer_tier_is_purged_after_each_part_of_the_inner_one(settings, vendor):
    def answers(request, number):
        if number == 0:
            time.sleep(0.8)  # By then the outer tier has been purged.
        return THROTTLED if number == 1 else ok(request)

    api = vendor(answers)
    settings.DUMPER_BACKENDS = {"edge": edge(api, concurrency=1), "outer": tier("o")}

    deliver(SMALL)
    finish()

    outer = [(batch, at) for _, _, batch, at in shared_stage.events]
    for path in SMALL.paths:
        (purged_at,) = api.purges()[path_tag(path)]
        assert max(at for batch, at in outer if path in batch.paths) >= purged_at
    assert entries() == []


# A rate


def test_what_a_rate_leaves_for_later_is_no_failure(settings, vendor, signals, caplog):
    api = vendor(ok)
    settings.DUMPER_BACKENDS = {"edge": edge(api, rate=20.0, burst=10)}
    started = time.monotonic()

    deliver(BATCH)
    finish()

    moments = sorted(at - started for _, _, at in api.told)
    assert api.purges().keys() == tags(BATCH)
    assert api.counts() == {1}
    assert len(moments) == CALLS
    assert sum(at < 0.4 for at in moments) <= 10 + 0.4 * 20
    assert moments[-1] > (CALLS - 10) / 20 * 0.9
    assert {each[0] for each in signals} == {"sent"}
    assert breakers.failures("edge", "edge") == 0
    assert [each for each in caplog.records if "Could not purge" in each.message] == []
    assert entries() == []


@pytest.mark.parametrize("repeat_after, times", [(0.0, 1), (0.3, 2)])
def test_a_rate_has_second_purges_of_all_parts_and_outer_ones(
    settings, vendor, repeat_after, times
):
    api = vendor(ok)
    options = {"rate": 5.0, "burst": 1, "repeat_after": repeat_after}
    settings.DUMPER_BACKENDS = {"edge": edge(api, **options), "outer": tier("o")}

    deliver(SMALL)
    finish()

    assert api.purges().keys() == tags(SMALL)
    assert api.counts() == {times}
    sent = [(batch, at) for _, _, batch, at in shared_stage.events]
    for path in SMALL.paths:
        last = max(api.purges()[path_tag(path)])
        assert max(at for batch, at in sent if path in batch.paths) >= last


# Refusals


def bad(*paths, number=0):
    wrong = {path_tag(path) for path in paths}

    def answers(request, number):
        return BAD if wrong & set(request.json["surrogate_keys"]) else ok(request)

    return answers


@pytest.mark.parametrize("rate", [None, 50.0], ids=["no rate", "a rate"])
def test_what_is_refused_becomes_a_dead_letter_of_only_that(settings, vendor, rate):
    api = vendor(bad("/page/3/", "/page/77/"))
    settings.DUMPER_BACKENDS = {"edge": edge(api, rate=rate, burst=1)}

    deliver(SMALL)
    finish()

    refused = PurgeBatch.of(["/page/3/", "/page/77/"])
    dead = PurgeBatch()
    for each in batches():
        dead |= each
    assert dead == refused
    assert {row.state for row in entries()} == {"dead"}
    assert api.purges().keys() == tags(SMALL) - tags(refused)
    assert api.counts() == {1}


def test_an_entry_is_not_buried_for_what_another_one_has(settings, vendor):
    """They are sent together, as they waited for the same call to end."""
    go = threading.Event()
    wrong = bad("/page/3/")

    def answers(request, number):
        if number == 0:
            go.wait(10)
        return wrong(request, number)

    api = vendor(answers)
    settings.DUMPER_BACKENDS = {"edge": edge(api)}

    deliver(PurgeBatch.of(["/first/"]))
    deliver(PurgeBatch.of(["/page/3/", "/page/4/"]))
    deliver(PurgeBatch.of(["/page/5/"]))
    go.set()
    finish()

    assert batches() == [PurgeBatch.of(["/page/3/"])]
    assert api.purges().keys() == tags(PurgeBatch.of(["/first/", "/page/4/", "/page/5/"]))
    assert api.counts() == {1}


def test_a_purge_of_all_that_is_refused_keeps_all_that_it_stood_for(settings, vendor):
    """By URL a tag is a purge of everything, for which a token may have no right."""
    api = vendor(lambda request, number: Answer(403, {"msg": "You are not authorized"}))
    settings.DUMPER_BACKENDS = {"edge": edge(api, method="url")}
    batch = PurgeBatch.of(["/a/"], tags=["menu"])

    deliver(batch)
    finish()

    assert batches() == [batch]


# Processes


@pytest.fixture
def fork():
    """Return a function that lets a child do something, as another process of the site."""
    children = []

    def begin(act):
        connections.close_all()
        child = os.fork()
        if not child:
            try:
                act()
                time.sleep(30)
            finally:
                os._exit(1)
        children.append(child)

    def kill():
        while children:
            child = children.pop()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    begin.kill = kill
    yield begin
    kill()


def due_now():
    apps.get_model("dumper_purge", "OutboxEntry").objects.update(due=0)


def test_what_a_killed_process_had_left_is_done_by_another_one(settings, vendor, fork):
    busy = threading.Event()
    wait = Answer(429, {}, {"Retry-After": "60"})
    api = vendor(lambda request, number: wait if number >= 1 and not busy.is_set() else ok(request))
    settings.DUMPER_BACKENDS = {"edge": edge(api, concurrency=1)}

    fork(lambda: deliver(SMALL))
    wait_for(lambda: targets() == [("edge", "", "send", "pending")])
    fork.kill()
    (left,) = batches()
    busy.set()
    due_now()
    finish()

    assert len(left.paths) == 600 - 256
    assert api.purges().keys() == tags(SMALL)
    assert api.counts() == {1}
    assert entries() == []


def test_a_process_that_is_killed_in_the_middle_of_a_call_loses_nothing(settings, vendor, fork):
    dead = threading.Event()
    api = vendor(lambda request, number: ok(request) if number < 2 or dead.is_set() else HANG)
    settings.DUMPER_BACKENDS = {"edge": edge(api, concurrency=1, read_timeout=30.0)}

    fork(lambda: deliver(SMALL))
    wait_for(lambda: len(api.told) == 3)
    fork.kill()
    dead.set()
    due_now()
    finish()

    assert api.purges().keys() == tags(SMALL)
    assert entries() == []


# Other backends

FAULTS = {
    "429": Answer(429, {}, {"Retry-After": "0"}),
    "hangs": HANG,
    "HTML": Answer(200, "<html>Sign in</html>"),
    "success: false": Answer(200, {"status": "fail"}),
    "resets": RESET,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_vendor_that_answers_badly_keeps_nobody_waiting(settings, vendor, signals, fault):
    well = threading.Event()
    api = vendor(lambda request, number: ok(request) if well.is_set() else fault)
    settings.DUMPER_BACKENDS = {
        "inner": tier("i"),
        "edge": edge(api, read_timeout=0.3),
        "outer": tier("o"),
    }
    started = time.monotonic()

    deliver(SMALL)
    events = shared_stage.wait_for(2)

    assert [event[:3] for event in events] == [("send", "i", SMALL), ("send", "o", SMALL)]
    assert events[1][3] - started < 2.0
    assert {each[1] for each in signals if each[0] != "sent"} <= {"edge"}
    assert breakers.failures("inner", "i") == breakers.failures("outer", "o") == 0
    well.set()
    finish()
    assert api.purges().keys() == tags(SMALL)
    assert api.counts() == {1}
    assert sum(event[1] == "i" for event in shared_stage.events) == 1
    assert shared_stage.events[-1][1] == "o"
    assert entries() == []
