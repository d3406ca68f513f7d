"""Run the benchmarks that were named, print their figures, and judge them."""

import argparse
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import django

from tests.bench.apis.calls import api_calls
from tests.bench.figures import Effort, Figure
from tests.bench.inflight import inflight
from tests.bench.outbox.backlog import outbox_backlog
from tests.bench.outbox.dead import outbox_dead_node
from tests.bench.outbox.reaching import outbox_reach
from tests.bench.outbox.saving import outbox_bulk, outbox_save
from tests.bench.outbox.working import outbox_worker
from tests.bench.pages import bypass, hit, miss
from tests.bench.proxies.hits import proxy_hits
from tests.bench.proxies.purges import proxy_purges
from tests.bench.purges import varnish
from tests.bench.saves import bulk, save
from tests.bench.unregistered import unregistered

__all__ = ["main"]

Bench: TypeAlias = Callable[[Effort], Iterable[Figure]]

OUTBOX = (
    outbox_save, outbox_bulk, outbox_reach, outbox_worker, outbox_dead_node, outbox_backlog,
)  # fmt: skip
PROXIES = (proxy_hits, proxy_purges)
APIS = (api_calls,)
SINGLE = (hit, miss, bypass, save, unregistered, bulk, varnish, inflight)
BENCHES: dict[str, Bench] = {bench.__name__: bench for bench in (*SINGLE, *OUTBOX, *PROXIES, *APIS)}
GROUPS = {
    "outbox": [bench.__name__ for bench in OUTBOX],
    "proxies": [bench.__name__ for bench in PROXIES],
    "apis": [bench.__name__ for bench in APIS],
}
NAMES = ", ".join([*BENCHES, *GROUPS])
NORMAL = Effort()
QUICK = Effort(rounds=0.3, size=0.4)
MORE_ROUNDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if a figure misses its bar, also when measured again with more rounds."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = [name for given in options.names for name in GROUPS.get(given, [given])]
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {NAMES}")
    effort = QUICK if options.quick else NORMAL
    if not options.json:
        print(f"Python {platform.python_version()}, Django {django.__version__}", flush=True)
    measured = []
    for name in names or BENCHES:
        for figures in _attempts(BENCHES[name], effort):
            if not options.json:
                _show(name, figures)
        measured.append((name, figures))
    if options.json:
        print(json.dumps([_described(name, figure) for name, some in measured for figure in some]))
    missed = [figure for _, figures in measured for figure in figures if not figure.passed]
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 tests bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=NAMES)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less in each")
    parser.add_argument("--json", action="store_true", help="print one JSON list at the end")
    return parser


def _attempts(bench: Bench, effort: Effort) -> Iterator[list[Figure]]:
    """Yield the figures, and, where one missed its bar, those of a second and longer try."""
    figures = list(bench(effort))
    yield figures
    missed = [figure for figure in figures if not figure.passed]
    if missed and not any(figure.exact for figure in missed):
        yield list(bench(Effort(effort.rounds * MORE_ROUNDS, effort.size)))


def _show(name: str, figures: Sequence[Figure]) -> None:
    print(f"\n{name}")
    for figure in figures:
        print(f"  {figure}", flush=True)
    if not all(figure.passed for figure in figures):
        print("  A bar was missed.", flush=True)


def _described(name: str, figure: Figure) -> dict[str, Any]:
    return {"name": name} | figure.as_dict()
