"""What ``python3 tests`` does. Standard library only: the rest is in the environments it makes."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.machine import environment, interpreters, packages, servers
from demo.machine.packages import SetUpError
from tests.matrix import NEWEST, Plan, Run, plan
from tests.summary import Summary

__all__ = ["main"]

FOLDER = environment.ROOT / "tests"

CHECKS = {
    "ruff check": ["ruff", "check"],
    "ruff format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports", "--no-cache"],
}

# Not beside anything else, and not on the other Pythons and Djangos: what takes long, and uses all
# cores itself or knows neither. What needs servers meets the oldest Django and the newest.
APART = ("chaos", "conformance", "nginx", "proxies", "releases", "stress", "vcl")
SIDE_BY_SIDE = ["-p", "no:cacheprovider", *(f"--ignore=tests/{name}" for name in APART)]
AT_ONCE = 2


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for and return the exit status."""
    try:
        return _run(arguments)
    except SetUpError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest[:1] in (["-h"], ["--help"]):
        parser.print_help()
        return 0
    absent = _install_servers(options)
    if rest[:1] == ["bench"]:
        return _module(_bench_python(options), ["tests.bench", *rest[1:]])
    flags = ["--without-servers"] if options.without_servers else []
    planned = plan(interpreters.running(), interpreters.find)
    if rest[:1] == ["chaos"]:
        python = _python("checks", planned.first, options)
        return _module(python, ["tests.chaos", *rest[1:]])
    if rest:
        return _module(_python("checks", planned.first, options), ["pytest", *flags, *rest])
    return _everything(planned, options, flags, absent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 tests",
        usage="%(prog)s [--yes] [--without-servers] [bench ...] [chaos ...] [pytest's arguments]",
        description="Run lint, types, layers and all tests; with arguments for pytest, only that.",
        epilog="Help of the others: python3 tests bench --help, chaos --help, -q --help.",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("--yes", action="store_true", help="install with sudo without asking")
    parser.add_argument(
        "--without-servers", action="store_true", help="skip the tests whose server is missing"
    )
    return parser


def _install_servers(options: argparse.Namespace) -> list[str]:
    """Install what is missing, where wanted and allowed; return what is missing nevertheless."""
    if options.without_servers:
        return []
    absent = packages.missing(servers.TESTS)
    if absent:
        try:
            packages.install(absent, yes=options.yes)
        except SetUpError as problem:
            print(problem, file=sys.stderr, flush=True)
    return packages.missing(servers.TESTS)


def _everything(
    planned: Plan, options: argparse.Namespace, flags: Sequence[str], absent: Sequence[str]
) -> int:
    summary = Summary(planned.gaps)
    if absent:
        remark = f"{', '.join(absent)} missing: what needs them could not run (--without-servers)"
        summary.fail("servers", remark)
    python = _python("checks", planned.first, options)
    variables = environment.variables()
    for title, command in CHECKS.items():
        summary.run(title, [str(python.with_name(command[0])), *command[1:]], variables)
    pytest = [str(python), "-m", "pytest", *flags]
    suites = {f"pytest, {planned.first}": [*pytest, *SIDE_BY_SIDE]}
    for other in planned.others:
        marks = "not stress" if other.django == NEWEST else "not stress and not needs"
        try:
            shorter = [str(_python("tests", other, options)), "-m", "pytest", *flags, "-m", marks]
            suites[f"pytest, {other}"] = [*shorter, *SIDE_BY_SIDE]
        except SetUpError as problem:
            summary.fail(f"pytest, {other}", str(problem))
    summary.pytests(suites, variables, at_once=min(os.cpu_count() or 1, AT_ONCE))
    apart = [f"tests/{name}" for name in APART]
    summary.pytest(f"pytest apart, {planned.first}", [*pytest, *apart], variables)
    return summary.close()


def _python(kind: str, run: Run, options: argparse.Namespace) -> Path:
    """Return the environment of a run; that of ``checks`` also has what reads the source."""
    wanted = [f"Django~={run.django}.0", *environment.runtime_requirements()]
    wanted += environment.requirements(FOLDER / "requirements.txt")
    if kind == "checks":
        wanted += environment.requirements(FOLDER / "requirements-checks.txt")
    name = f"{kind}-django{run.django}"
    return environment.make(name, run.interpreter, wanted, yes=options.yes)


def _bench_python(options: argparse.Namespace) -> Path:
    """Return the environment of the benchmarks, which compare with other packages."""
    wanted = environment.requirements(FOLDER / "bench" / "requirements.txt")
    wanted += environment.runtime_requirements()
    return environment.make("bench", interpreters.running(), wanted, yes=options.yes)


def _module(python: Path, command: Sequence[str]) -> int:
    return subprocess.run(
        [str(python), "-m", *command], env=environment.variables(), stdin=subprocess.DEVNULL
    ).returncode
