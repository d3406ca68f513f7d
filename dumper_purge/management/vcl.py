"""``manage.py dumper vcl``: a complete VCL for Varnish, from the site's settings."""

import argparse
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from dumper_purge.rendering.choices import EXTRAS, Choices
from dumper_purge.rendering.compiler import compiled_by
from dumper_purge.rendering.document import Rendered, render
from dumper_purge.rendering.folder import write

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Render a complete VCL from the settings, and compile it with --check."


_ONLY_ROOT = "Only root may read {}, and varnishd reads it as another user: add --group varnish."
_NETWORKS = {
    "purger": "may purge (default: this machine)",
    "terminator": "ends TLS in front of Varnish (default: this machine)",
    "debugger": "is told how an answer came about",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the settings do not say, and where the VCL goes."""
    add = parser.add_argument
    add("alias", nargs="?", metavar="ALIAS", help="which Varnish of DUMPER_BACKENDS")
    add("--backend", dest="backends", action="append", metavar="HOST:PORT|unix:PATH",
        help="where Django listens (default 127.0.0.1:8000); several take turns")  # fmt: skip
    add("--probe", metavar="PATH", help="a page that tells whether Django is well")
    add("--with", dest="extras", action="append", choices=EXTRAS, help="a shipped file to include")
    add("--public-media", action="store_true", help="MEDIA_URL is the same for every visitor")
    _add_access(parser)
    add("--check", action="store_true", help="compile it; alone, print nothing")
    add("--varnishd", metavar="PATH", help="what compiles it (default: varnishd or vinyld)")
    add("--output", metavar="DIR", help="write main.vcl and the shipped files there")
    add("--group", metavar="NAME", help="may read main.vcl as well, such as varnish")


def _add_access(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    for name, meaning in _NETWORKS.items():
        add(f"--{name}", dest=f"{name}s", action="append", metavar="NETWORK", help=meaning)
    add("--no-terminator", dest="terminators", action="store_const", const=[], help="nothing does")
    add("--previous-token-env", metavar="NAME", help="the variable that has the token before it")
    add("--acl-only", action="store_true", help="ask for no token")
    add("--listener", dest="listeners", action="append", metavar="[NAME=]ADDRESS[,PROXY]",
        help="varnishd's -a, for --acl-only")  # fmt: skip
    add("--purge-listener", metavar="NAME", help="the only one of varnishd's -a that purges")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Render, check, and print or write; raise CommandError with setting, value and remedy."""
    try:
        rendered = render(_choices(options))
        for notice in rendered.notices:
            command.stderr.write(command.style.WARNING(notice))
        if options["check"]:
            binary = compiled_by(rendered.whole, options["varnishd"])
            command.stderr.write(f"{binary} compiles it.")
        _hand_out(command, rendered, options)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error


def _hand_out(command: BaseCommand, rendered: Rendered, options: dict[str, Any]) -> None:
    if options["output"]:
        main = write(Path(options["output"]), rendered, options["group"])
        if os.geteuid() == 0 and not options["group"]:
            command.stderr.write(command.style.WARNING(_ONLY_ROOT.format(main)))
        command.stderr.write(f"Written. Start it with: varnishd -a :6081 -f {main}")
    elif not options["check"]:
        command.stdout.write(rendered.whole, ending="")


def _choices(options: dict[str, Any]) -> Choices:
    """Return what was said; what was not keeps its default."""
    names = {field.name for field in fields(Choices)} & options.keys()
    said = {name: options[name] for name in names if options[name] is not None}
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    previous = _previous_token(options["previous_token_env"])
    return Choices(**(said | lists), previous_token=previous)


def _previous_token(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise ImproperlyConfigured(
            f"--previous-token-env = {variable!r}: that variable is unset or empty. Let it hold the"
            " token that was in OPTIONS before, or leave the option away."
        )
    return os.environ[variable]
