"""Hits per second, counted by wrk."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing

from tests.bench.figures import Effort, Figure, faster
from tests.bench.measure import Subject, interleave
from tests.bench.pipelined import Pipe
from tests.bench.proxies.nodes import HOST, OURS, STOCK, both
from tests.bench.purges import Stage

__all__ = ["proxy_hits"]

BAR = 0.95
SECONDS = 2
CONNECTIONS = 20
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_WRONG = re.compile(r"Non-2xx|Socket errors")


def proxy_hits(effort: Effort) -> Iterator[Figure]:
    """Measure one page that both have, fetched over and over on the same connections."""
    with both(1) as stages:
        stored = [_rendering(stage) for stage in stages.values()]
        subjects = {name: _hits(stage) for name, stage in stages.items()}
        timings = interleave(subjects, effort.times(9))
        if stored != [_rendering(stage) for stage in stages.values()]:
            raise AssertionError("Some of it were no hits.")
    yield faster(timings, OURS, STOCK, what=f"hits, wrk with {CONNECTIONS} connections", bar=BAR)


def _hits(stage: Stage) -> Subject:
    url = f"{stage.varnishd.url}{stage.paths[0]}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Host: {HOST}", url]

    def run() -> float:
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        match = _RATE.search(shown)
        if match is None or _WRONG.search(shown):
            raise AssertionError(shown)
        return 1 / float(match[1])

    return run


def _rendering(stage: Stage) -> list[int]:
    with closing(Pipe(stage.varnishd.port)) as pipe:
        return pipe.renderings(stage.paths, HOST)
