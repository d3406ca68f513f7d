"""``manage.py dumper purge``: purge by hand, and wait until every node has answered."""

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model, QuerySet

from dumper_purge.batch import BatchBuilder, Pattern, Prefix, PurgeBatch, check_tag
from dumper_purge.collect.dependents import add_dependent
from dumper_purge.collect.purges import purge_objects
from dumper_purge.collect.scope import paused
from dumper_purge.conf import current
from dumper_purge.deliver.synchronous import purge_and_wait
from dumper_purge.exceptions import DumperError
from dumper_purge.management.progress import Progress

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Purge pages, and wait for every node."

_AT_ONCE = 1_000
_SINGULAR = {
    "paths": "path", "urls": "url", "prefixes": "prefix", "patterns": "pattern", "tags": "tag",
}  # fmt: skip
_KEPT = "The rest is in the outbox: see manage.py dumper status, and failed for what was rejected."
_LOST = "There is no outbox to keep the rest: run this again when the nodes are back."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be named."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="such as /news/")
    parser.add_argument("--url", action="append", default=[], help="https://host/path")
    parser.add_argument("--tag", action="append", default=[], help="pages that carry this tag")
    parser.add_argument("--prefix", action="append", default=[], help="pages that begin so")
    parser.add_argument("--pattern", action="append", default=[], help="a regular expression")
    parser.add_argument("--model", metavar="APP.MODEL", help="the pages of a registered model")
    parser.add_argument("--pk", nargs="+", help="only of these rows of --model")
    parser.add_argument("--everything", action="store_true", help="the whole of every cache")
    parser.add_argument("--dry-run", action="store_true", help="only show what it would be")
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds to wait in the end (default 60)"
    )


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Purge; raise CommandError for bad values and for nodes that were not purged."""
    if not current().enabled:
        raise CommandError("DUMPER_ENABLED is False: nothing is stored, and nothing purged.")
    try:
        batch = _named(options) | _of_model(command, options)
    except DumperError as error:
        raise CommandError(str(error)) from error
    if not batch:
        raise CommandError("There is nothing to purge: name paths, or say --everything.")
    if options["dry_run"]:
        _show(command, batch)
    else:
        _purge(command, batch, options)


def _of_model(command: BaseCommand, options: dict[str, Any]) -> PurgeBatch:
    if not options["model"]:
        if options["pk"]:
            raise CommandError("--pk says which rows of --model: name the model as well.")
        return PurgeBatch()
    rows = _rows(options["model"], options["pk"])
    iterator = rows.iterator(chunk_size=_AT_ONCE)
    at_once = min(_AT_ONCE, current().bulk_limit)
    with paused() as found:
        progress = _progress(command, rows.count(), options)
        while some := list(islice(iterator, at_once)):
            purge_objects(some)
            progress.advance(len(some))
    return found.batch


def _show(command: BaseCommand, batch: PurgeBatch) -> None:
    for name, values in batch.as_dict().items():
        for value in [""] if values is True else values:
            command.stdout.write(f"{_SINGULAR.get(name, name)} {value}".rstrip())


def _purge(command: BaseCommand, batch: PurgeBatch, options: dict[str, Any]) -> None:
    progress = _progress(command, len(batch), options)

    def parts() -> Iterator[PurgeBatch]:
        for part in _parts(batch):
            yield part
            progress.advance(len(part))

    outcome = purge_and_wait(parts(), options["timeout"])
    failed = {where: error for where, error in outcome.errors.items() if error is not None}
    if failed:
        lines = "\n".join(f"{where}: {error}" for where, error in sorted(failed.items()))
        remedy = _KEPT if outcome.is_kept else _LOST
        raise CommandError(f"Not purged everywhere:\n{lines}\n{remedy}")
    if options["verbosity"] > 0:
        places = ", ".join(sorted(outcome.errors)) or "no backend"
        command.stdout.write(f"Purged {batch} on {places}.")


def _progress(command: BaseCommand, total: int, options: dict[str, Any]) -> Progress:
    shown = options["verbosity"] > 1 or (options["verbosity"] > 0 and command.stderr.isatty())
    return Progress(command.stderr, total, shown=shown and total > _AT_ONCE)


def _named(options: dict[str, Any]) -> PurgeBatch:
    builder = BatchBuilder()
    for dependent in options["paths"] + options["url"]:
        add_dependent(builder, dependent)
    for prefix in options["prefix"]:
        builder.add(Prefix(prefix))
    for pattern in options["pattern"]:
        builder.add(Pattern(pattern))
    builder.tags.update(check_tag(tag) for tag in options["tag"])
    builder.everything = options["everything"]
    return builder.build()


def _rows(label: str, keys: list[str] | None) -> QuerySet[Model]:
    try:
        model = apps.get_model(label)
    except LookupError as error:
        raise CommandError(f"--model {label}: {error}") from error
    except ValueError as error:
        raise CommandError(f"--model {label}: write APP.MODEL, such as news.Article.") from error
    rows: QuerySet[Model] = model._base_manager.all()
    if not keys:
        return rows
    try:
        wanted = {model._meta.pk.to_python(key): key for key in keys}
    except ValidationError as error:
        raise CommandError(f"--pk {' '.join(keys)}: {' '.join(error.messages)}") from error
    rows = rows.filter(pk__in=wanted)
    missing = [wanted[key] for key in set(wanted).difference(rows.values_list("pk", flat=True))]
    if missing:
        raise CommandError(f"--model {label} has no row {', '.join(sorted(missing))}.")
    return rows


def _parts(batch: PurgeBatch) -> Iterator[PurgeBatch]:
    """Split a long batch, so that progress can be shown."""
    if batch.everything or len(batch) <= _AT_ONCE:
        yield batch
        return
    yield PurgeBatch(prefixes=batch.prefixes, patterns=batch.patterns, tags=batch.tags)
    dependents = iter([("paths", path) for path in batch.paths] + [("urls", u) for u in batch.urls])
    while some := list(islice(dependents, _AT_ONCE)):
        yield PurgeBatch(
            paths=frozenset(value for kind, value in some if kind == "paths"),
            urls=frozenset(value for kind, value in some if kind == "urls"),
        )
