"""No page stays old, whatever breaks; and where one protection is missing, chaos shows it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.needs("varnishd", "redis-server", "postgres")]

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 240
JOBS = 1 + (os.cpu_count() or 1)
"""How many sites stand at once: a race waits more than it works."""

Arguments = tuple[str, ...]
Result = subprocess.CompletedProcess[str]


def chaos(arguments: Arguments) -> Result:
    """Run it in a process of its own, whose settings are not those of the tests."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> "Iterator[dict[Arguments, Future[Result]]]":
    """The runs of all selected tests, a few at a time; a second try is a run of its own."""
    wanted = [item for item in request.session.items if "runs" in item.fixturenames]
    wanted = [item.callspec.params for item in wanted if item.path == request.path]
    with ThreadPoolExecutor(JOBS) as pool:
        yield {run["arguments"]: pool.submit(chaos, run["arguments"]) for run in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def run(arguments: Arguments, runs: "dict[Arguments, Future[Result]]") -> Result:
    return runs.pop(arguments).result() if arguments in runs else chaos(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seconds", "10", "--seed", "8"),
        *(("--scenario", race) for race in ("fence", "repeat", "outbox", "tiers")),
    ],
    ids=" ".join,
)
def test_nothing_stale_is_left_by_chaos_or_by_a_race_on_purpose(run: Result) -> None:
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scenario", "fence", "--without", "fence"),
        ("--scenario", "fence", "--without", "check"),
        ("--scenario", "repeat", "--without", "repeat"),
        ("--scenario", "outbox", "--without", "outbox"),
        ("--scenario", "tiers", "--without", "tiers"),
    ],
    ids=" ".join,
)
def test_without_a_protection_its_race_leaves_a_stale_page(
    arguments: Arguments, run: Result
) -> None:
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{arguments[1]}: 0 stale" not in run.stdout
