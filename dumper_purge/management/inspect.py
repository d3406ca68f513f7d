"""``manage.py dumper inspect``: what the caches' own configuration spoils, as they tell it."""

import argparse
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from dumper_purge.backends import configured
from dumper_purge.backends.base import BaseBackend
from dumper_purge.exceptions import PurgeError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Ask the caches, changing nothing, whether their own configuration keeps pages old."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which of them are asked."""
    parser.add_argument("aliases", nargs="*", metavar="ALIAS", help="default: all")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Print what was found; raise CommandError if anything was, or a cache could not be asked."""
    count = 0
    chosen = _chosen(options["aliases"])
    for backend in filter(_can_tell, chosen):
        for finding in _findings(backend):
            count += 1
            command.stderr.write(f"{backend.alias}: {finding}")
    if count:
        raise CommandError(f"{count} to be seen to.")
    told = [backend.alias for backend in chosen if _can_tell(backend)]
    silent = [backend.alias for backend in chosen if not _can_tell(backend)]
    if told:
        command.stdout.write(f"Nothing found in {', '.join(told)}.")
    if silent:
        command.stdout.write(
            f"Not asked, as they do not tell how they are set: {', '.join(silent)}."
        )


def _chosen(aliases: list[str]) -> list[BaseBackend]:
    try:
        backends = {backend.alias: backend for backend in configured()}
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    for alias in aliases:
        if alias not in backends:
            raise CommandError(f"{alias!r} is none of DUMPER_BACKENDS: {', '.join(backends)}.")
    return [backends[alias] for alias in aliases or backends]


def _can_tell(backend: BaseBackend) -> bool:
    return type(backend).findings is not BaseBackend.findings


def _findings(backend: BaseBackend) -> Iterator[str]:
    try:
        yield from backend.findings()
    except PurgeError as error:
        yield f"could not be asked: {error}"
