"""No page stays old, whatever breaks; and where one protection is missing, chaos shows it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.needs("varnishd", "redis-server", "postgres")]

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 240


def chaos(*arguments: str) -> "subprocess.CompletedProcess[str]":
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


def test_nothing_stale_is_left_when_chaos_is_over() -> None:
    run = chaos("--seconds", "10", "--seed", "8")

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_race_on_purpose_leaves_nothing_stale() -> None:
    run = chaos("--scenario", "all")

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "protection, race",
    [
        ("fence", "fence"),
        ("check", "fence"),
        ("repeat", "repeat"),
        ("outbox", "outbox"),
        ("tiers", "tiers"),
    ],
)
def test_without_a_protection_its_race_leaves_a_stale_page(protection: str, race: str) -> None:
    run = chaos("--scenario", race, "--without", protection)

    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{race}: 0 stale" not in run.stdout
