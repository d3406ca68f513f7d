"""``manage.py dumper status``: how purging is going, for people and for monitoring."""

import argparse
import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from dumper_purge.deliver.health import CRITICAL, Health, NodeHealth, counted, health

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Show how purging is going; exit with 0 (well), 1 (warning) or 2 (critical)."

_LEVELS = ("OK", "WARNING", "CRITICAL")
_ROW = "{:<40} {:>8} {:>9} {:>6}  {:<10} {}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the form of the answer, and the thresholds."""
    parser.add_argument("--json", action="store_true", help="for programs")
    for level, seconds in (("warning", 60.0), ("critical", 300.0)):
        parser.add_argument(
            f"--{level}",
            type=float,
            default=seconds,
            metavar="SECONDS",
            help=f"{level} from this age of the oldest pending entry on (default {seconds:g})",
        )


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Print it; raise SystemExit with the level where it is not 0, and CommandError with 2."""
    warning, critical = options["warning"], options["critical"]
    if not 0 <= warning <= critical:
        raise CommandError(
            f"--warning {warning:g} and --critical {critical:g}: 0 or more, and in this order.",
            returncode=CRITICAL,
        )
    try:
        found = health(warning=warning, critical=critical)
    except ImproperlyConfigured as error:
        raise CommandError(str(error), returncode=CRITICAL) from error
    if options["json"]:
        command.stdout.write(json.dumps(found.as_dict(), indent=2))
    else:
        _show(command, found)
    if found.level:
        raise SystemExit(found.level)


def _show(command: BaseCommand, found: Health) -> None:
    age = "" if found.oldest_pending is None else f", the oldest for {found.oldest_pending:.1f} s"
    command.stdout.write(
        f"{_LEVELS[found.level]}: {found.pending} pending{age}, {counted(found.dead)}"
    )
    for problem in found.problems:
        command.stdout.write(f"  {problem}")
    if found.nodes:
        command.stdout.write(
            _ROW.format("node", "pending", "oldest", "dead", "breaker", "last success")
        )
    for node in found.nodes:
        command.stdout.write(_row(node).rstrip())


def _row(node: NodeHealth) -> str:
    oldest = "-" if node.oldest_pending is None else f"{node.oldest_pending:.1f} s"
    success = "-" if node.last_success is None else f"{node.last_success:.0f} s ago"
    return _ROW.format(str(node), node.pending, oldest, node.dead, node.breaker, success)
