"""``manage.py dumper worker``: deliver what processes have left in the outbox."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dumper_purge.conf import current
from dumper_purge.deliver import outboxes
from dumper_purge.deliver.worker import Worker, run_once

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Deliver what is due in the outbox, until SIGTERM; several may run at once."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--once``."""
    parser.add_argument("--once", action="store_true", help="only what is due now, for cron")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Run a worker; raise CommandError where there is no outbox."""
    if not current().enabled or not current().outbox:
        raise CommandError("There is no outbox: set DUMPER_ENABLED and DUMPER_OUTBOX to True.")
    if not outboxes.all_outboxes():
        raise CommandError("No database has the outbox's table: run 'manage.py migrate' first.")
    if not options["once"]:
        Worker().run()
        return
    count = run_once()
    if options["verbosity"] > 0:
        command.stdout.write(f"Delivered {count} {'entry' if count == 1 else 'entries'}.")
