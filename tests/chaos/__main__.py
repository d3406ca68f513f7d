"""``python -m tests.chaos``: exits with 0 for no stale page, 1 for some, 2 if it broke down."""

import argparse
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import django

from tests.chaos.plan import Plan
from tests.chaos.stage import Stage, stage

__all__ = ["main"]

_PROTECTED = ["fence", "repeat", "outbox", "tiers"]
_LOG_END = 3_000


def main() -> int:
    """Run what the arguments ask for."""
    options = _parser().parse_args()
    # Whoever ends this process ends those that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-"))
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        plan = Plan(
            folder=folder.resolve(),
            without=options.without,
            engine=options.engine,
            quarantine=0.5 if options.scenario else options.quarantine,
            skew=0.0 if options.scenario else 2.0,
            log=options.log,
        )
        return _guarded(plan, lambda site: _run(site, options))


def _guarded(plan: Plan, run: Callable[[Stage], int]) -> int:
    """Run on a stage; say what broke down, and what the processes said last."""
    try:
        with stage(plan) as site:
            return run(site)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    except Exception:
        traceback.print_exc()
        _print_logs(plan)
    return 2


def _run(site: Stage, options: argparse.Namespace) -> int:
    django.setup()
    return _race(site, options.scenario) if options.scenario else _chaos(site, options)


def _race(site: Stage, names: list[str]) -> int:
    # Models can be imported only now that the settings know where the servers are.
    from tests.chaos.scenarios import SCENARIOS

    stale = {name: SCENARIOS[name](site) for name in (_PROTECTED if "all" in names else names)}
    for name, pages in stale.items():
        print(f"{name}: {len(pages)} stale", *pages, sep="\n  ")
    return 1 if any(stale.values()) else 0


def _chaos(site: Stage, options: argparse.Namespace) -> int:
    from tests.chaos.play import play
    from tests.chaos.report import told

    print(f"seed {options.seed}, {options.seconds:g} s, without {options.without}", flush=True)
    outcome = play(site, options.seconds, options.seed)
    print(told(outcome))
    if outcome.outbox["pending"]:
        print("The outbox did not become empty.", file=sys.stderr)
        _print_logs(site.plan)
    return 1 if outcome.stale else 2 if outcome.outbox["pending"] else 0


def _print_logs(plan: Plan) -> None:
    for log in sorted(plan.folder.glob("*.log")):
        end = log.read_text(errors="replace")[-_LOG_END:]
        print(f"-- the end of {log.name}\n{end}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 tests chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of chaos; default: 60")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument(
        "--without", choices=["check", *_PROTECTED], help="switch one protection off"
    )
    parser.add_argument("--engine", default="inline", help="DUMPER_ENGINE of the site")
    parser.add_argument("--quarantine", type=float, default=5.0, help="DUMPER_QUARANTINE")
    parser.add_argument("--scenario", action="append", choices=[*_PROTECTED, "limit", "all"])
    parser.add_argument("--folder", type=Path, help="where logs are kept; default: nowhere")
    parser.add_argument("--log", default="WARNING", help="the level of the site's logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
