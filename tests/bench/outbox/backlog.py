"""A node that is dead for long: what is kept for it, and how soon it has that when it is back."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Effort, Figure
from tests.bench.outbox.databases import POSTGRES, site_on
from tests.bench.outbox.nodes import Node
from tests.bench.outbox.sites import redis_cache, varnish
from tests.bench.redis import redis_server

__all__ = ["outbox_backlog"]

LIMIT = 10_000
SAVES = (9_000, 100_000)
"""Below DUMPER_BACKLOG_LIMIT all paths are purged one by one, above it everything is."""
PROCESSES = 2
ROWS_BAR = 2 * LIMIT
MEMORY_BAR = 64
RETURN_BAR = 10
PATIENCE = 60
# By then the worker has met the dead node, and leaves it alone.
DISCOURAGED = 12


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    rows: int
    grown: float
    worker: float
    seconds: float
    how: str


def outbox_backlog(effort: Effort) -> Iterator[Figure]:
    """Measure two processes that save for a dead node, and a worker when the node is back."""
    for saves in map(effort.many, SAVES):
        outcome = _outcome(saves)
        what = f"{saves:,} saves for a dead node: "
        yield Figure(
            what=f"{what}most rows",
            against=f"DUMPER_BACKLOG_LIMIT {LIMIT:,}",
            value=outcome.rows,
            bar=ROWS_BAR,
            unit="",
            exact=True,
        )
        yield Figure(
            what=f"{what}memory that a saving process has gained",
            against="after its first save",
            value=outcome.grown,
            bar=MEMORY_BAR,
            unit=" MiB",
            detail=f"the worker has {outcome.worker:.0f} MiB at most",
            exact=True,
        )
        yield Figure(
            what=f"{what}its return until no row is left",
            against="a worker on PostgreSQL",
            value=outcome.seconds,
            bar=RETURN_BAR,
            unit=" s",
            detail=outcome.how,
        )


def _outcome(saves: int) -> _Outcome:
    with ExitStack() as stack:
        node = stack.enter_context(Node())
        site = stack.enter_context(
            site_on(
                POSTGRES,
                durable=False,
                CACHES=redis_cache(stack.enter_context(redis_server())),
                DUMPER_BACKENDS=varnish(node.url),
                DUMPER_BACKLOG_LIMIT=LIMIT,
            )
        )
        pool = stack.enter_context(ThreadPoolExecutor(PROCESSES))
        share = saves // PROCESSES
        shares = [
            pool.submit(site.act, "rows.saved", first=number * share, count=share)
            for number in range(PROCESSES)
        ]
        saved = [each.result() for each in shares]
        pid = stack.enter_context(site.worker())
        emptied = pool.submit(site.act, "rows.emptied", patience=PATIENCE)
        time.sleep(DISCOURAGED)
        returned = time.monotonic()
        node.listen()
        seconds = emptied.result() - returned
        return _Outcome(
            rows=max(each["rows"] for each in saved),
            grown=max(each["after"] - each["before"] for each in saved) / 1024,
            worker=_peak(pid),
            seconds=seconds,
            how=_how(node, share * PROCESSES),
        )


def _how(node: Node, paths: int) -> str:
    """Return what the node was told; fail where that is not enough."""
    if node.emptied is not None:
        return "everything purged"
    if len(node.purged) < paths:
        raise AssertionError(f"{len(node.purged):,} of {paths:,} paths were purged.")
    return f"{len(node.purged):,} paths purged"


def _peak(pid: int) -> float:
    """Return the most memory that a process has had so far, in MiB."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) / 1024
