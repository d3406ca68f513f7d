"""Whatever happens in whatever order, nobody is served a page from before a finished purge.

The real middleware, look-up, fence and record run in threads that stop before every operation on
the cache and on the data; hypothesis chooses who goes on. The edge is a cache that keeps what it
was told it may keep, some time after it was sent.
"""

import re
import time

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import dumper_purge as dumper
from dumper_purge import paths
from dumper_purge.batch import Prefix, PurgeBatch
from dumper_purge.exceptions import Transient
from dumper_purge.middleware import CacheMiddleware
from dumper_purge.respond import fence, hints
from dumper_purge.respond.fence import Ticket
from dumper_purge.respond.generations import ANY, Generations
from tests.respond import stepped
from tests.respond.stepped import Actor, SteppedCache, pause

PATH = "/news/5/"
PURGES = {
    "text": [PurgeBatch.of([PATH]), PurgeBatch.of([Prefix("/news/")]), PurgeBatch(everything=True)],
    "name": [PurgeBatch.of(tags=["author"])],
}


class Edge:
    """Keeps a response from some moment after it was sent, until it is purged."""

    def __init__(self):
        self.stored = None
        self.in_flight = []

    def receive(self, response):
        said = re.match(r"max-age=(\d+)", response.get("Surrogate-Control", ""))
        if said and int(said[1]) > 0:
            self.in_flight.append(response)

    def insert(self, number):
        self.stored = self.in_flight.pop(number % len(self.in_flight))


class Visit:
    """A request: whether its page is being checked, or on its way after that, and its response."""

    is_checking = True
    response = None


def record(batch):
    """Try until it is done, as deliveries do."""
    while True:
        try:
            return fence.record(batch)
        except Transient:
            pass


class Site(RuleBasedStateMachine):
    """Two rows and the page that shows them, with whoever reads and writes them at the moment."""

    def __init__(self):
        super().__init__()
        SteppedCache.values = {}
        hints.forget()
        fence._unrecorded.clear()
        self.committed = {"text": 0, "name": 0}
        self.recorded = {"text": 0, "name": 0}
        self.edge = Edge()
        self.actors = []
        self.visits = []
        self.owed = []
        self.middleware = CacheMiddleware(self.view)

    def view(self, request):
        request.visit.is_checking = False
        seen = {}
        for row in self.committed:
            pause()
            seen[row] = self.committed[row]
        pause()
        dumper.tag("author")
        response = HttpResponse(f"{seen['text']} {seen['name']}")
        request.visit.is_checking = True
        return response

    def visit(self):
        before = dict(self.recorded)
        request = RequestFactory().get(PATH)
        request.visit = Visit()
        self.visits.append(request.visit)
        response = self.middleware(request)
        self.check(response, before)
        self.edge.receive(response)
        request.visit.response = response

    def write(self, row, batch):
        pause()
        self.committed[row] += 1
        version = self.committed[row]
        pause()
        record(batch)
        self.recorded[row] = max(self.recorded[row], version)
        pause()
        self.purge_edge()

    def purge_edge(self):
        """Purge the edge, and remember what was already checked and had not arrived."""
        self.edge.stored = None
        self.owed += [visit for visit in self.visits if visit.is_checking]

    def check(self, response, wanted):
        text, name = map(int, response.content.split())
        assert text >= wanted["text"], "stale"
        assert name >= wanted["name"], "stale"

    def running(self):
        return [actor for actor in self.actors if not actor.is_done]

    @precondition(lambda self: self.running())
    @rule(who=st.integers(0, 3), times=st.integers(1, 12))
    def somebody_goes_on(self, who, times):
        for _ in range(times):
            if running := self.running():
                running[who % len(running)].step()

    @precondition(lambda self: self.edge.in_flight)
    @rule(which=st.integers(0, 3))
    def a_response_reaches_the_edge(self, which):
        self.edge.insert(which)

    @rule()
    def another_process_answers(self):
        hints.forget()

    def teardown(self):
        for actor in self.actors:
            actor.finish()
        if self.owed:
            # The second purge, some time after all of those arrived.
            self.edge.stored = None
            over = [visit.response for visit in self.owed]
            self.edge.in_flight = [sent for sent in self.edge.in_flight if sent not in over]
        while self.edge.in_flight:
            self.edge.insert(0)
        if self.edge.stored is not None:
            self.check(self.edge.stored, self.committed)
        for _ in range(2):
            Actor(self.visit).finish()


class World(Site):
    """A site where anything may happen."""

    @precondition(lambda self: len(self.running()) < 4)
    @rule(skew=st.sampled_from([0.0, -2.0, 2.0, -3600.0]))
    def visitor_comes(self, skew):
        self.actors.append(Actor(self.visit, skew=skew))

    @precondition(lambda self: len(self.running()) < 4)
    @rule(row=st.sampled_from(["text", "name"]), which=st.integers(0, 2))
    def writer_comes(self, row, which):
        batch = PURGES[row][which % len(PURGES[row])]
        self.actors.append(Actor(lambda: self.write(row, batch)))

    @precondition(lambda self: SteppedCache.values)
    @rule(which=st.integers(0, 20))
    def a_key_is_evicted(self, which):
        keys = sorted(SteppedCache.values)
        del SteppedCache.values[keys[which % len(keys)]]


class Race(Site):
    """One visitor and one writer, on a site that is known to nobody or in use."""

    @initialize(row=st.sampled_from(["text", "name"]), in_use=st.booleans())
    def both_come(self, row, in_use):
        if in_use:
            Actor(self.visit).finish()
            record(PurgeBatch.of([PATH]))
        self.actors.append(Actor(self.visit))
        self.actors.append(Actor(lambda: self.write(row, PURGES[row][0])))


@pytest.fixture(autouse=True)
def shared_cache(monkeypatch):
    """Use the stepped cache behind an edge, with clocks that differ."""
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + stepped.skew())
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(stepped.skew() * 1e9))
    changed = {
        "CACHES": {"default": {"BACKEND": "tests.respond.stepped.SteppedCache"}},
        "DUMPER_BACKENDS": {
            "page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
            "edge": {"BACKEND": "tests.respond.edges.Narrow"},
        },
    }
    with override_settings(**changed):
        yield


def explore(site, examples):
    run_state_machine_as_test(
        site,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("site", [World, Race])
def test_no_order_of_events_serves_or_leaves_an_old_page(site):
    explore(site, 300)


def tokens_without_any(self, tags):
    self._known |= self._generations.read([tag for tag in tags if tag not in self._known])
    return {tag: self._known[tag] for tag in tags}


def tokens_after_the_data(self, tags):
    return self._generations.read(list(tags))


def any_last(self, tags):
    self._write({self.key(tag): fence.tokens.fresh() for tag in tags})
    self._write({self.key(ANY): fence.tokens.fresh()})


def commit_last(self, row, batch):
    pause()
    record(batch)
    pause()
    self.committed[row] += 1
    self.recorded[row] = self.committed[row]
    pause()
    self.purge_edge()


@pytest.mark.parametrize(
    "owner, name, broken",
    [
        (Ticket, "tokens", tokens_without_any),
        (Ticket, "tokens", tokens_after_the_data),
        (Generations, "bump", any_last),
        (Site, "write", commit_last),
        (Ticket, "recheck", lambda self, held: None),
    ],
    ids=["no any", "fence off", "any last", "purge before commit", "no recheck for edges"],
)
def test_without_any_part_of_the_fence_an_old_page_is_found(monkeypatch, owner, name, broken):
    monkeypatch.setattr(owner, name, broken)

    with pytest.raises(AssertionError, match="stale"):
        explore(Race, 2000)
