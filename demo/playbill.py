"""The story as tables that a person can read."""

from collections.abc import Iterator, Sequence

from demo import table
from demo.acts import PATHS
from demo.story import Scene
from demo.visit import Shown

__all__ = ["by_act", "by_page", "last_visit"]

MARKS = {"render": "R", "page cache": "P", "Varnish": "V", "gone": "-"}
COLOURS = {"R": "yellow", "P": "green", "V": "green", "-": "dim"}


def by_act(scenes: Sequence[Scene]) -> Iterator[str]:
    """One row per act: what it purged, and what that meant for the pages."""
    head = ["", "what happened", "sent", "purged", "kept", "hits took", "rendered", "fresh"]
    rows = [head, *([str(number), *_act(scene)] for number, scene in enumerate(scenes, 1))]
    yield from table.lines(rows, right="><<>>>><", colours={})


def _act(scene: Scene) -> list[str]:
    shown = len(scene.shown)
    fresh = f"all {shown}" if not scene.stale else f"NO: {len(scene.stale)} of {shown} are stale"
    return [
        scene.title,
        str(scene.sent) if scene.sent else "-",
        str(scene.purged),
        str(len(scene.kept)),
        f"{_milliseconds(scene.kept)} each" if scene.kept else "-",
        f"{len(scene.rendered)} in {_total(scene.rendered)}" if scene.rendered else "-",
        fresh,
    ]


def _milliseconds(pages: Sequence[Shown]) -> str:
    return f"{1000 * sum(page.seconds for page in pages) / len(pages):.1f} ms"


def _total(pages: Sequence[Shown]) -> str:
    return f"{1000 * sum(page.seconds for page in pages):.1f} ms"


def by_page(scenes: Sequence[Scene]) -> Iterator[str]:
    """One row per page: who answered after each act, and in how many milliseconds."""
    rows = [["page, and ms after each act", *map(str, range(1, len(scenes) + 1))]]
    for index, path in enumerate(PATHS):
        rows.append([path, *(_cell(scene.shown[index]) for scene in scenes)])
    yield from table.lines(rows, right="<" + ">" * len(scenes), colours=COLOURS)


def _cell(page: Shown) -> str:
    if page.source == "gone":
        return "-"
    stale = "" if page.fresh else " STALE"
    return f"{MARKS[page.source]} {1000 * page.seconds:.1f}{stale}"


def last_visit(scene: Scene) -> Iterator[str]:
    """One row per page: who holds it, and since when."""
    there = (page for page in scene.shown if page.source != "gone")
    rows = [[page.path, page.source, f"{page.age} s"] for page in there]
    yield from table.lines([["page", "answered by", "age"], *rows], right="<<>", colours={})
