"""Which fault comes when."""

import random
import time
from collections.abc import Callable

from tests.chaos.accidents import ACCIDENTS, EMPTYING
from tests.chaos.deaths import DEATHS
from tests.chaos.proxy import Mode
from tests.chaos.trouble import Trouble

__all__ = ["heal", "source"]

# A cache that has lost everything has nothing stale either: faults that empty one come only in this
# part of the time, from its beginning, and are this share of the faults then.
_EMPTYING = 0.4
_BACK = 30.0


def source(trouble: Trouble, seconds: float, seed: str) -> Callable[[], None]:
    """Return a step that makes one fault and returns when it is over."""
    chance = random.Random(seed)
    last_emptying = time.monotonic() + _EMPTYING * seconds

    def step() -> None:
        time.sleep(chance.uniform(0.1, 1.5))
        empties = chance.random() < _EMPTYING and time.monotonic() < last_emptying
        fault = chance.choice(EMPTYING if empties else ACCIDENTS + DEATHS)
        fault(trouble, chance)

    return step


def heal(trouble: Trouble) -> None:
    """Undo what a fault may have left behind; raise if something stays dead."""
    stage = trouble.stage
    trouble.orders.fates.clear()
    for fate in ("kill", "stop"):
        for waiting in stage.plan.folder.glob(f"*-{fate}"):
            waiting.unlink(missing_ok=True)
    for proxy in stage.proxies:
        proxy.mode, proxy.delay = Mode.PASS, 0.0
    for process in (*stage.processes, *(edge.node for edge in stage.edges.values())):
        process.go_on()
    stage.plan.clock.write_text("0")
    if not stage.supervisor.wait(_BACK):
        raise RuntimeError("A process did not come back.") from stage.supervisor.last_error
    stage.wait_for_ports()
