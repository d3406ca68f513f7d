"""``manage.py dumper worker``: deliver what processes have left in the outbox."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from dumper_purge.deliver.worker import Worker, run_once
from dumper_purge.management.outbox import required

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Deliver what is due in the outbox, until SIGTERM; several may run at once."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--once``."""
    parser.add_argument("--once", action="store_true", help="only what is due now, for cron")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Run a worker; raise CommandError where there is no outbox."""
    required()
    if not options["once"]:
        Worker().run()
        return
    count = run_once()
    if count and options["verbosity"] > 0:
        command.stdout.write(f"Took up {count} {'entry' if count == 1 else 'entries'}.")
