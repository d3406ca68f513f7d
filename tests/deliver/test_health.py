"""How purging is going, in figures and in words."""

import json
from dataclasses import FrozenInstanceError

import pytest
from django.db import OperationalError

import dumper_purge as dumper
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.health import CRITICAL, OK, WARNING, Health, NodeHealth, health
from dumper_purge.deliver.outbox import databases, nodes, sql
from dumper_purge.respond import fence
from tests.deliver.rows import put
from tests.deliver.stage import tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")


@pytest.fixture(autouse=True)
def _backends(settings):
    settings.DUMPER_BACKENDS = {
        "pages": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
        "edge": tier("a", "b"),
    }


def tell_of(node, failures=0, retry_in=None):
    """Let another process have seen a node, which failed so often."""
    for _ in range(failures):
        nodes.failed("edge", node, "it is down", retry_in)
    if not failures:
        nodes.succeeded("edge", node)
    nodes.flush_if_due()


def test_where_nothing_waits_all_is_well():
    found = health()

    assert found == Health(
        level=OK,
        outboxes=["default", "other"],
        nodes=[NodeHealth(alias="edge", node="a"), NodeHealth(alias="edge", node="b")],
    )


@pytest.mark.parametrize(
    ("age", "level"), [(0, OK), (50, OK), (70, WARNING), (290, WARNING), (310, CRITICAL)]
)
def test_the_age_of_what_waits_is_what_matters(age, level):
    put("/news/", age=age, alias="edge", node="a", seconds=60)

    found = health()

    assert found.level == level
    assert (found.pending, found.oldest_pending) == (1, pytest.approx(age, abs=5))
    assert found.problems == [f"edge at a: 1 pending, the oldest for {age} s"] * bool(level)


def test_the_thresholds_may_be_others():
    put("/news/", age=20)

    levels = [health(warning=w, critical=c).level for w, c in ((30, 40), (10, 40), (5, 10))]

    assert levels == [OK, WARNING, CRITICAL]


def test_a_threshold_of_zero_is_reached_by_whatever_waits():
    put("/news/")

    assert health(warning=0).level == WARNING


def test_a_dead_letter_is_critical_however_young():
    put("/news/", alias="edge", node="b", state="dead")

    found = health()

    assert (found.level, found.dead, found.pending) == (CRITICAL, 1, 0)
    assert found.problems == ["edge at b: 1 dead letter, rejected (manage.py dumper failed)"]


def test_a_dead_letter_says_why_it_was_refused_whatever_the_node_says_now(settings):
    settings.DUMPER_BACKENDS = {"edge": tier("b")}
    put("/news/", alias="edge", node="b", state="dead", error="HTTP 405.")
    nodes.failed("edge", "b", "cannot be reached", 5.0)
    nodes.flush_if_due()

    assert "edge at b: 1 dead letter, HTTP 405. (manage.py dumper failed)" in health().problems


def test_dead_letters_are_not_what_waits():
    put("/news/", state="dead", age=1_000)

    assert health().oldest_pending is None


def test_figures_are_those_of_all_databases():
    put("/1/", alias="edge", node="a", age=10)
    put("/2/", alias="edge", node="a", age=30, using="other")
    put("/3/", age=5)

    found = health()

    (every, a, b) = found.nodes
    assert (every.alias, every.pending) == ("", 1)
    assert (a.pending, a.oldest_pending) == (2, pytest.approx(30, abs=3))
    assert (b.pending, b.oldest_pending) == (0, None)
    assert (found.pending, found.oldest_pending) == (3, pytest.approx(30, abs=3))


def test_a_success_is_told_with_its_age():
    tell_of("a")

    (a, b) = health().nodes

    assert 0 <= a.last_success < 5
    assert b.last_success is None


def test_a_node_that_keeps_failing_is_a_warning_that_says_why():
    tell_of("a", failures=3, retry_in=50)

    found = health()

    assert found.level == WARNING
    assert (found.nodes[0].breaker, found.nodes[0].retry_in > 40) == ("open", True)
    assert found.problems == ["edge at a: left alone, as it kept failing (it is down)"]


def test_a_node_that_is_about_to_be_asked_again_is_half_open():
    tell_of("a", failures=3, retry_in=0)

    assert (health().nodes[0].breaker, health().nodes[0].retry_in) == ("half-open", 0)


def test_two_failures_are_not_yet_a_problem():
    tell_of("a", failures=2, retry_in=50)

    found = health()

    assert found.level == OK
    assert (found.nodes[0].breaker, found.nodes[0].error) == ("closed", "it is down")


def test_a_node_that_is_no_more_is_seen_only_while_something_waits_for_it(settings):
    tell_of("b", failures=3, retry_in=50)
    settings.DUMPER_BACKENDS = {"edge": tier("a")}
    assert [node.node for node in health().nodes] == ["a"]

    put("/news/", alias="edge", node="b", age=1_000)

    assert [node.node for node in health().nodes] == ["a", "b"]


def test_a_database_that_cannot_be_asked_is_critical_and_hides_no_other(monkeypatch):
    has_table = databases.has_table

    def partly(using):
        if using == "default":
            raise OperationalError("the database is down")
        return has_table(using)

    monkeypatch.setattr(databases, "has_table", partly)
    put("/news/", using="other")

    found = health()

    assert (found.level, found.outboxes, found.pending) == (CRITICAL, ["other"], 1)
    assert found.problems == ["the outbox of 'default' cannot be read: the database is down"]


def test_a_database_that_fails_while_nodes_are_read_is_critical(monkeypatch):
    def broken(using):
        raise OperationalError("the database is down")

    monkeypatch.setattr(sql, "clock", broken)

    assert health().level == CRITICAL


def test_without_a_table_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setattr(databases, "has_table", lambda using: False)

    found = health()

    assert (found.level, found.outboxes) == (WARNING, [])
    assert found.problems == ["no database has the outbox's table: run manage.py migrate"]


def test_an_outbox_that_is_off_is_a_warning(settings):
    settings.DUMPER_OUTBOX = False

    found = health()

    assert found.level == WARNING
    assert "DUMPER_OUTBOX is off" in found.problems[0]


def test_generations_that_could_not_be_recorded_are_critical(monkeypatch):
    monkeypatch.setattr(fence, "trusted", lambda: False)

    found = health()

    assert found.level == CRITICAL
    assert "it stores nothing" in found.problems[0]


def test_the_worst_is_told_first():
    tell_of("a", failures=3, retry_in=50)
    put("/news/", alias="edge", node="b", state="dead")

    found = health()

    assert found.level == CRITICAL
    assert ["dead letter" in problem for problem in found.problems] == [True, False]


def test_it_is_plain_values_for_programs():
    put("/news/", alias="edge", node="a", age=70)

    found = json.loads(json.dumps(health().as_dict()))

    assert (found["level"], found["pending"], found["nodes"][0]["alias"]) == (1, 1, "edge")
    with pytest.raises(FrozenInstanceError):
        health().level = 0


def test_no_backends_row_and_the_fences_have_names_too():
    for alias in ("", "fence", "edge"):
        put(alias=alias, batch=PurgeBatch(everything=True), age=1_000)

    words = " ".join(health().problems)

    assert "all backends: 1 pending" in words
    assert "the shared cache (DUMPER_CACHE_ALIAS): 1 pending" in words
    assert "edge: 1 pending" in words


def test_no_node_is_asked_for_it(stage):
    put("/news/", alias="edge", node="a")

    health()

    assert stage.events == []


def test_it_is_one_of_the_public_names():
    assert dumper.health is health
