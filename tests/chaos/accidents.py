"""Faults of nodes, of the network, of the cache server and of a clock."""

import random
import signal
import time

from tests.chaos.proxy import Mode
from tests.chaos.trouble import LONGEST, Trouble

__all__ = ["ACCIDENTS", "EMPTYING"]

# The second purge comes after 2 s, and covers what was under way until then. Hence this limit, and
# hence no node hangs for visitors alone: a page that it holds back would outlast both purges.
_LONGEST_DELAY = 1.2
_FAILURES = [Mode.REFUSE, Mode.HANG, Mode.CUT]
_WAYS = [["purges"], ["purges"], ["fetches"], ["purges", "fetches"]]


def node_fails(trouble: Trouble, chance: random.Random) -> None:
    """Let a node answer 503, hang or be cut off, for purges, for visitors or for both."""
    edge = trouble.stage.edges[chance.choice(["inner", "outer"])]
    mode, ways, seconds = chance.choice(_FAILURES), chance.choice(_WAYS), _some_time(chance)
    if mode is Mode.HANG and ways == ["fetches"]:
        ways = ["purges", "fetches"]
    proxies = [getattr(edge, way) for way in ways]
    for proxy in proxies:
        trouble.note(f"a node {mode.value}", proxy.name)
        proxy.mode = mode
    time.sleep(seconds)
    for proxy in proxies:
        proxy.mode = Mode.PASS


def answers_are_late(trouble: Trouble, chance: random.Random) -> None:
    """Hold back what Django answers."""
    trouble.note("answers are late")
    trouble.stage.front.delay = chance.uniform(0.1, _LONGEST_DELAY)
    time.sleep(chance.uniform(0.5, 3))
    trouble.stage.front.delay = 0.0


def varnish_stops(trouble: Trouble, chance: random.Random) -> None:
    """Stop a varnishd for some time."""
    edge, seconds = trouble.stage.edges[chance.choice(["inner", "outer"])], _some_time(chance)
    with trouble.claim(edge.name) as free:
        if free:
            trouble.note("varnishd SIGSTOP", edge.name)
            edge.node.send(signal.SIGSTOP)
            time.sleep(seconds)
            edge.node.send(signal.SIGCONT)


def varnish_dies(trouble: Trouble, chance: random.Random) -> None:
    """Kill a varnishd, or only its process with the cache."""
    edge, all_of_it = trouble.stage.edges[chance.choice(["inner", "outer"])], chance.random() < 0.5
    with trouble.claim(edge.name) as free:
        if free:
            trouble.note("varnishd SIGKILL", edge.name)
            if all_of_it:
                edge.node.kill()
            else:
                edge.node.send(signal.SIGKILL)
            # So long it may take to come back: until then it has nothing to lose.
            time.sleep(2)


def cache_restarts(trouble: Trouble, chance: random.Random) -> None:
    """Kill the cache server, which comes back empty."""
    trouble.note("cache server restarted")
    trouble.stage.redis.send(signal.SIGKILL)
    time.sleep(1)


def clock_goes_wrong(trouble: Trouble, chance: random.Random) -> None:
    """Let the clock of a web process jump, within the margin that the settings state."""
    most = trouble.stage.plan.skew * 0.9
    trouble.note("clock skewed")
    trouble.stage.plan.clock.write_text(f"{chance.uniform(-most, most):+.3f}")


def _some_time(chance: random.Random) -> float:
    return chance.uniform(0.5, LONGEST)


ACCIDENTS = [node_fails, node_fails, node_fails, answers_are_late, varnish_stops, clock_goes_wrong]
EMPTYING = [varnish_dies, cache_restarts]
"""What empties a cache."""
