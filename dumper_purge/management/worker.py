"""``manage.py dumper worker``: deliver what processes have left in the outbox."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections

from dumper_purge.conf import current
from dumper_purge.deliver.outbox import databases
from dumper_purge.deliver.outbox.worker import Worker, run_once

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Deliver what is due in the outbox, until SIGTERM; several may run at once."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--once``."""
    parser.add_argument("--once", action="store_true", help="only what is due now, for cron")


def _ask_databases() -> None:
    """Raise CommandError if there may be an outbox that cannot be asked."""
    for using in connections:
        try:
            databases.has_table(using)
        except Error as error:
            raise CommandError(f"Database {using!r} cannot be asked: {error}") from error


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Run a worker; raise CommandError where there is no outbox."""
    if not current().enabled or not current().outbox:
        raise CommandError("There is no outbox: set DUMPER_ENABLED and DUMPER_OUTBOX to True.")
    if not databases.all_outboxes():
        _ask_databases()
        raise CommandError("No database has the outbox's table: run 'manage.py migrate' first.")
    if not options["once"]:
        Worker().run()
        return
    count = run_once()
    if options["verbosity"] > 0:
        command.stdout.write(f"Delivered {count} {'entry' if count == 1 else 'entries'}.")
