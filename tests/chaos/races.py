"""What visitors do while a row is written for the last time.

One race for each protection, as in :mod:`~tests.chaos.scenarios`, but at any moment and among all
other faults. No later write purges by chance what such a race has left.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.proxy import Mode
from tests.chaos.stage import Stage
from tests.chaos.visits import UNREACHABLE, get, post

__all__ = ["begin"]

_SLOWEST, _LATEST, _LATEST_PURGE = 2.0, 1.2, 5.0
_AFTERWARDS = 3.0


def begin(stage: Stage, pk: int, path: str, chance: random.Random) -> None:
    """Begin a race, and return at the moment to write."""
    race = chance.choice([_slow_render, _late_answer, _late_inner])
    seconds = race(stage, pk, path, chance)
    _start(_keep_visiting, stage, path, seconds + _AFTERWARDS)
    time.sleep(chance.uniform(0, min(seconds, _SLOWEST)))


def _slow_render(stage: Stage, pk: int, path: str, chance: random.Random) -> float:
    # Its page is stored by now, most likely; a purge lets it be rendered.
    with suppress(*UNREACHABLE):
        post(stage.web_ports[0], "/chaos/write/", {"operation": "save", "pk": pk})
    seconds = chance.uniform(0.3, _SLOWEST)
    _start(_visit, chance.choice(list(stage.nodes.values())), path, seconds)
    return seconds


def _late_answer(stage: Stage, pk: int, path: str, chance: random.Random) -> float:
    seconds = chance.uniform(0.3, _LATEST)
    stage.front.delay = seconds

    def visit(node: int) -> None:
        _visit(node, path)
        stage.front.delay = 0.0

    _start(visit, stage.nodes[chance.choice(["inner", "outer"])])
    return seconds


def _late_inner(stage: Stage, pk: int, path: str, chance: random.Random) -> float:
    inner, seconds = stage.edges["inner"], chance.uniform(1, _LATEST_PURGE)
    _visit(inner.fetches.port, path)
    inner.purges.mode = Mode.REFUSE

    def heal() -> None:
        time.sleep(seconds + _SLOWEST)
        inner.purges.mode = Mode.PASS

    _start(heal)
    return seconds


def _start(action: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=action, args=arguments, daemon=True).start()


def _visit(node: int, path: str, slow: float = 0.0) -> None:
    with suppress(*UNREACHABLE):
        get(node, path, slow=slow)


def _keep_visiting(stage: Stage, path: str, seconds: float) -> None:
    """Ask the outer tier, which may ask an inner one that was not purged yet."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.3)
        _visit(stage.nodes["outer"], path)
