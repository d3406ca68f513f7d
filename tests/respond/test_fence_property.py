"""Whatever happens in whatever order, nobody is served a page from before a finished purge.

The real middleware, look-up, fence and record run in threads that stop before every operation on
the cache and on the data. Who goes on is tried out (one visitor, one writer, every pair of moments
at which they may be interrupted), or chosen by hypothesis. The edge is a cache that keeps what it
was told it may keep, some time after it was sent.
"""

import itertools
import time

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from dumper_purge.batch import PurgeBatch
from dumper_purge.respond import hints
from dumper_purge.respond.fence import Ticket
from dumper_purge.respond.generations import ANY, Generations
from tests.respond import stepped
from tests.respond.sites import PATH, PURGES, Site, record
from tests.respond.stepped import Actor, SteppedCache, pause


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


class World(RuleBasedStateMachine):
    """A site where anything may happen."""

    def __init__(self):
        super().__init__()
        self.site = Site()

    @precondition(lambda self: len(self.site.running()) < 4)
    @rule(skew=st.sampled_from([0.0, -2.0, 2.0, -3600.0]))
    def visitor_comes(self, skew):
        self.site.actors.append(Actor(self.site.visit, skew=skew))

    @precondition(lambda self: len(self.site.running()) < 4)
    @rule(row=st.sampled_from(["text", "name"]), which=st.integers(0, 2))
    def writer_comes(self, row, which):
        batch = PURGES[row][which % len(PURGES[row])]
        self.site.actors.append(Actor(lambda: self.site.write(row, batch)))

    @precondition(lambda self: self.site.running())
    @rule(who=st.integers(0, 3), times=st.integers(1, 12))
    def somebody_goes_on(self, who, times):
        for _ in range(times):
            if running := self.site.running():
                running[who % len(running)].step()

    @precondition(lambda self: SteppedCache.values)
    @rule(which=st.integers(0, 20))
    def a_key_is_evicted(self, which):
        keys = sorted(SteppedCache.values)
        del SteppedCache.values[keys[which % len(keys)]]

    @rule()
    def another_process_answers(self):
        hints.forget()

    @precondition(lambda self: self.site.edge.in_flight)
    @rule(which=st.integers(0, 3))
    def a_response_reaches_the_edge(self, which):
        self.site.edge.insert(which)

    def teardown(self):
        self.site.close()


def test_no_order_of_events_serves_or_leaves_an_old_page():
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=400,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def races():
    """Run one visitor and one writer, each interrupted once, at every pair of moments.

    One goes some steps, then the other goes some steps, then both go to their ends.
    """
    count = 0
    for row, is_known, starts in itertools.product(("text", "name"), (False, True), (0, 1)):
        for first in itertools.count():
            for second in itertools.count():
                done = race(row, starts, (first, second), is_known=is_known)
                count += 1
                if any(done):
                    break
            if done[0]:
                break
    return count


def race(row, starts, steps, *, is_known):
    """Tell which of the two was at its end when the steps were over."""
    site = Site()
    if is_known:
        Actor(site.visit).finish()
        record(PurgeBatch.of([PATH]))
    pair = [Actor(site.visit), Actor(lambda: site.write(row, PURGES[row][0]))]
    site.actors = [pair[starts], pair[1 - starts]]
    for actor, times in zip(site.actors, steps, strict=True):
        go(actor, times)
    done = [actor.is_done for actor in site.actors]
    site.close()
    return done


def go(actor, steps):
    for _ in range(steps):
        if not actor.is_done:
            actor.step()


def test_no_interruption_of_a_visitor_and_a_writer_leaves_an_old_page():
    assert races() > 1000


def tokens_without_any(self, tags):
    self._known |= self._generations.read([tag for tag in tags if tag not in self._known])
    return {tag: self._known[tag] for tag in tags}


def tokens_after_the_data(self, tags):
    return self._generations.read(list(tags))


def any_last(self, tags):
    self._renew([self.key(tag) for tag in tags])
    self._renew([self.key(ANY)])


def purge_before_commit(self, row, batch):
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
        (Ticket, "recheck", lambda self, held: None),
        (Generations, "bump", any_last),
        (Site, "write", purge_before_commit),
    ],
    ids=["no any", "fence off", "no recheck for edges", "any last", "purge before commit"],
)
def test_without_any_part_of_the_fence_an_old_page_is_found(monkeypatch, owner, name, broken):
    monkeypatch.setattr(owner, name, broken)

    with pytest.raises(AssertionError, match="stale"):
        races()
