"""Purges that meet renders in flight, on a real varnishd, with the whole package at work."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "inflight"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the trials."""

    method: str
    fence: bool
    trials: int
    stale: int
    """Pages that show the old text when every purge is through."""
    kept: int
    """Pages that Varnish has stored by then: one that stores nothing is never stale."""
    undone: int
    """Purges that were not through after a minute."""
    seconds: float
    seed: int

    @property
    def share(self) -> float:
        """The share of stale pages."""
        return self.stale / self.trials


def inflight(method: str, trials: int, *, fence: bool = True, seed: int | None = None) -> Outcome:
    """Race renders of 0 to 60 ms against changes at random moments, in a process of its own.

    ``fence=False`` takes the fence out and sends one plain purge per change.
    """
    command = [sys.executable, "-m", "tests.stress.race", method, str(trials)]
    command += [] if fence else ["--without-fence"]
    command += [] if seed is None else ["--seed", str(seed)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.stress.settings"}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"The race broke down:\n{result.stderr}")
    return Outcome(**json.loads(result.stdout))
