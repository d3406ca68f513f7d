"""``manage.py dumper failed``: the dead letters, to be seen, replayed or dropped."""

import argparse
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.errand import place
from dumper_purge.deliver.outbox import claims, encoding, table
from dumper_purge.management.outbox import required

__all__ = ["HELP", "add_arguments", "run"]

HELP = "List the purges that were rejected or given up; replay or drop them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which, and what becomes of them."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these (default: all)")
    parser.add_argument("--alias", help="only those of this backend")
    parser.add_argument("--node", help="only those of this node")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--replay", action="store_true", help="let them be delivered again")
    what.add_argument("--drop", action="store_true", help="delete them")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """List, replay or drop dead letters; raise CommandError for an id that is none."""
    found = [(using, row) for using in required() for row in _dead(using, options)]
    missing = set(options["ids"]) - {row.pk for _, row in found}
    if missing:
        raise CommandError(f"There is no dead letter {', '.join(sorted(missing))}.")
    refs = [EntryRef(using, row.pk) for using, row in found]
    if options["replay"]:
        claims.replay(refs)
        command.stdout.write(f"Replayed {len(refs)}: the next delivery or worker takes them up.")
    elif options["drop"]:
        table.close(refs)
        command.stdout.write(f"Dropped {len(refs)}.")
    elif not found:
        command.stdout.write("There are no dead letters.")
    else:
        for _, row in found:
            where = place(row.alias, row.node or row.alias)
            command.stdout.write(f"{row.pk}  {where}  {_batch(row.batch)}  {row.error}")


def _dead(using: str, options: dict[str, Any]) -> Any:
    rows = apps.get_model("dumper_purge", "OutboxEntry").objects.using(using)
    rows = rows.filter(state="dead").order_by("pk")
    for name in ("alias", "node"):
        if options[name] is not None:
            rows = rows.filter(**{name: options[name]})
    return rows.filter(pk__in=options["ids"]) if options["ids"] else rows


def _batch(text: str) -> str:
    try:
        return str(encoding.decoded(text))
    except (ValueError, RecursionError):
        return "a batch of another version"
