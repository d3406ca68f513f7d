"""``manage.py dumper``: the site's caches, by hand."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model, QuerySet

from dumper_purge.batch import BatchBuilder, Pattern, Prefix, PurgeBatch, check_tag
from dumper_purge.collect.dependents import add_dependent
from dumper_purge.collect.purges import purge_objects
from dumper_purge.collect.scope import paused
from dumper_purge.conf import current
from dumper_purge.deliver.synchronous import purge_and_wait
from dumper_purge.exceptions import DumperError
from dumper_purge.management.progress import Progress

__all__ = ["Command"]

_AT_ONCE = 1_000


class Command(BaseCommand):
    """Purge by hand, and wait until every node has answered."""

    help = "Looks after the caches in front of the site."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare ``purge`` and what it can name."""
        actions = parser.add_subparsers(dest="action", required=True)
        purge = actions.add_parser("purge", help="Purge pages, and wait for every node.")
        purge.add_argument("paths", nargs="*", metavar="PATH", help="such as /news/")
        purge.add_argument("--url", action="append", default=[], help="https://host/path")
        purge.add_argument("--tag", action="append", default=[], help="pages that carry this tag")
        purge.add_argument("--prefix", action="append", default=[], help="pages that begin so")
        purge.add_argument("--pattern", action="append", default=[], help="a regular expression")
        purge.add_argument("--model", metavar="APP.MODEL", help="the pages of a registered model")
        purge.add_argument("--pk", nargs="+", help="only of these rows of --model")
        purge.add_argument("--everything", action="store_true", help="the whole of every cache")
        purge.add_argument("--dry-run", action="store_true", help="only show what it would be")
        purge.add_argument(
            "--timeout", type=float, default=60.0, help="seconds to wait in the end (default 60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge; raise CommandError for bad values and for nodes that were not purged."""
        if not current().enabled:
            raise CommandError("DUMPER_ENABLED is False: nothing is stored, and nothing purged.")
        try:
            batch = _named(options) | self._of_model(options)
        except DumperError as error:
            raise CommandError(str(error)) from error
        if not batch:
            raise CommandError("There is nothing to purge: name paths, or say --everything.")
        if options["dry_run"]:
            self._show(batch)
        else:
            self._purge(batch, options)

    def _of_model(self, options: dict[str, Any]) -> PurgeBatch:
        if not options["model"]:
            if options["pk"]:
                raise CommandError("--pk says which rows of --model: name the model as well.")
            return PurgeBatch()
        rows = _rows(options["model"], options["pk"])
        iterator = rows.iterator(chunk_size=_AT_ONCE)
        at_once = min(_AT_ONCE, current().bulk_limit)
        with paused() as found:
            progress = self._progress(rows.count(), options)
            while some := list(islice(iterator, at_once)):
                purge_objects(some)
                progress.advance(len(some))
        return found.batch

    def _show(self, batch: PurgeBatch) -> None:
        for name, values in batch.as_dict().items():
            for value in [""] if values is True else values:
                self.stdout.write(f"{name} {value}".rstrip())

    def _purge(self, batch: PurgeBatch, options: dict[str, Any]) -> None:
        progress = self._progress(len(batch), options)

        def parts() -> Iterator[PurgeBatch]:
            for part in _parts(batch):
                yield part
                progress.advance(len(part))

        outcomes = purge_and_wait(parts(), options["timeout"])
        failed = {where: error for where, error in outcomes.items() if error is not None}
        if failed:
            lines = "\n".join(f"{where}: {error}" for where, error in sorted(failed.items()))
            raise CommandError(f"Not purged everywhere:\n{lines}")
        if options["verbosity"] > 0:
            places = ", ".join(sorted(outcomes)) or "no backend"
            self.stdout.write(f"Purged {batch} on {places}.")

    def _progress(self, total: int, options: dict[str, Any]) -> Progress:
        shown = options["verbosity"] > 1 or (options["verbosity"] > 0 and self.stderr.isatty())
        return Progress(self.stderr, total, shown=shown and total > _AT_ONCE)


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
    except (LookupError, ValueError) as error:
        raise CommandError(f"--model {label}: {error}") from error
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
