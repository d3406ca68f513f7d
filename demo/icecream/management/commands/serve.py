"""``serve``: leave the parlour open for people with browsers."""

import os
import signal
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from demo import server
from demo.icecream import menu


class Command(BaseCommand):
    """Open the parlour until Ctrl-C."""

    help = "Leave the site running and say what to open."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, and print what is purged."""
        call_command("migrate", run_syncdb=True, verbosity=0)
        menu.put_out()
        # Blocked before a thread starts, so that only sigwait() gets them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        with server.running(server.inherited()):
            host = os.environ["DEMO_HOST"]
            self.stdout.write(f"Open       http://{host}/         the badge says hit or miss")
            self.stdout.write(f"Change it  http://{host}/edit/    rename a flavour, look again")
            self.stdout.write("Ctrl-C closes the parlour. What is purged:")
            self.stdout.flush()
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        self.stdout.write("\nClosed.")
