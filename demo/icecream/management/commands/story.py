"""``story``: play the main job in the terminal."""

import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

import django
from django.core.management import call_command
from django.core.management.base import BaseCommand

from demo import playbill, server, story
from demo.acts import ACTS, LATER, LATER_AT_THE_EDGE
from demo.icecream import menu
from demo.table import coloured
from demo.visit import Shown
from dumper_purge.conf import current

LEGEND = "R rendered   P hit in the page cache   V hit in Varnish   - no such page (404)"


def _title() -> str:
    varnish = "Varnish and " if _has_edge() else ""
    versions = f"Django {django.__version__}, Python {platform.python_version()}"
    return f"The Last Spoon, behind {varnish}the page cache ({versions})"


def _has_edge() -> bool:
    return "varnish" in current().backends


def _played() -> list[story.Scene]:
    acts = (*ACTS, *(LATER_AT_THE_EDGE if _has_edge() else LATER))
    with server.running(server.inherited()):
        return list(story.scenes(os.environ["DEMO_HOST"], acts))


class Command(BaseCommand):
    """Open the parlour, play the acts, and say whether every page shown was fresh."""

    help = "Play the main job in the terminal; the exit status is 0 if every page was fresh."

    def handle(self, *args: Any, **options: Any) -> None:
        """Leave with the exit status."""
        try:
            sys.exit(self._tell())
        except KeyboardInterrupt:
            sys.exit(130)

    def _tell(self) -> int:
        self._say(coloured(_title(), "bold"), "")
        call_command("migrate", run_syncdb=True, verbosity=0)
        menu.put_out()
        scenes = _played()
        self._say(*playbill.by_act(scenes), "")
        self._say(*playbill.by_page(scenes), LEGEND, "")
        self._say(*playbill.last_visit(scenes[-1]), "")
        return self._conclude([page for scene in scenes for page in scene.shown])

    def _conclude(self, pages: Sequence[Shown]) -> int:
        shown, stale = len(pages), sum(not page.fresh for page in pages)
        if stale:
            self._say(coloured(f"{stale} of {shown} pages shown were STALE.", "red"))
        else:
            self._say(coloured(f"Every one of {shown} pages shown was fresh.", "green"))
        return 1 if stale else 0

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)
