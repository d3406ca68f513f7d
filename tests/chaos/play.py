"""One run of chaos, and what came of it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.actors import Actors, Reader, Writer
from tests.chaos.faults import heal, source
from tests.chaos.ledger import Ledger
from tests.chaos.menu import put_out
from tests.chaos.orders import Orders
from tests.chaos.shelf import Shelf
from tests.chaos.stage import Stage
from tests.chaos.trouble import Trouble
from tests.chaos.verdict import Stale, compare, outbox_rows, wait_until_quiet

__all__ = ["Outcome", "play"]

_READERS = 6
_WRITERS = 3
_SOURCES_OF_FAULTS = 2
_SLUGS = 100
_SLUGS_A_MINUTE = 40


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did and found."""

    operations: Counter[str]
    reads: Counter[str]
    faults: Counter[str]
    fault_log: list[str]
    restarts: int
    purges: int
    ages: list[float]
    """For each page that was read: for how many seconds it had been old."""
    compared: int
    stale: list[str]
    """One line for each page that is not what a fresh render is."""
    catching_up: float
    """How many seconds it took, after the last fault, until nothing was left to purge."""
    outbox: Counter[str]
    """How many entries the outbox has left, by their state."""


def play(stage: Stage, seconds: float, seed: int) -> Outcome:
    """Read, write and break for so many seconds; then let it become quiet, and compare."""
    shelf = Shelf(_SLUGS + int(seconds / 60 * _SLUGS_A_MINUTE))
    orders, ledger = Orders(shelf, seconds=seconds), Ledger()
    put_out(shelf)
    readers = [Reader(f"reader {n}", stage, shelf, ledger, seed) for n in range(_READERS)]
    writers = [Writer(f"writer {n}", stage, orders, ledger, seed) for n in range(_WRITERS)]
    trouble = Trouble(stage, orders)
    sources = [source(trouble, seconds, f"{seed} faults {n}") for n in range(_SOURCES_OF_FAULTS)]
    catching_up = _act(readers, writers, sources, trouble, seconds)
    stale = compare(stage, shelf.paths)
    return Outcome(
        operations=sum((writer.counts for writer in writers), Counter()),
        reads=sum((reader.counts for reader in readers), Counter()),
        faults=trouble.counts,
        fault_log=trouble.log,
        restarts=stage.supervisor.restarts,
        purges=sum(edge.purges.purges for edge in stage.edges.values()),
        ages=ledger.ages,
        compared=len(shelf.paths) * len(stage.nodes),
        stale=[f"{page}; {_history(page, ledger)}" for page in stale],
        catching_up=catching_up,
        outbox=outbox_rows(),
    )


def _act(
    readers: list[Reader],
    writers: list[Writer],
    sources: list[Callable[[], None]],
    trouble: Trouble,
    seconds: float,
) -> float:
    """Let all act for so many seconds, and the readers until everything is quiet."""
    with Actors(*(reader.step for reader in readers)):
        with Actors(*(writer.step for writer in writers)):
            with Actors(*sources):
                time.sleep(seconds)
            heal(trouble)
        return wait_until_quiet(trouble.stage)


def _history(page: Stale, ledger: Ledger) -> str:
    return "; ".join(ledger.history(row, old) for row, old, _ in page.differences()[:3])
