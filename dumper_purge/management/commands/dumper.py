"""``manage.py dumper``: the site's caches, by hand."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dumper_purge.management import failed, inspect, purge, status, vcl, worker

__all__ = ["Command"]

ACTIONS = {
    "purge": purge,
    "worker": worker,
    "status": status,
    "failed": failed,
    "inspect": inspect,
    "vcl": vcl,
}


class Command(BaseCommand):
    """One action a module of ``dumper_purge.management``."""

    help = "Looks after the caches in front of the site."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, action in ACTIONS.items():
            action.add_arguments(actions.add_parser(name, help=action.HELP))

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the action; raise CommandError where it says so."""
        ACTIONS[options["action"]].run(self, options)
