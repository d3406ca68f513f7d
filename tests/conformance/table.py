"""The README's table: of the points of each section, how many hold at each proxy."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.conformance.points import Point
from tests.conformance.proxies import POINTS

__all__ = ["KEPT", "lines", "points"]

KEPT = Path(__file__).with_name("table.rst")
Outcomes = Mapping[str, Mapping[str, BaseException | None]]
SUBJECTS = {
    "9110-4.2": "spellings of a host",
    "9110-5.3": "fields in several lines",
    "9110-6.6": "``Date``",
    "9110-7.6": "hop-by-hop fields",
    "9110-9.3": "HEAD",
    "9110-12.5": "content negotiation",
    "9110-13.1": "conditional requests",
    "9110-14.2": "ranges",
    "9110-15.5": "ranges that are not there",
    "9111-1.2": "large numbers",
    "9111-3": "what may be stored",
    "9111-3.5": "``Authorization``",
    "9111-4": "methods",
    "9111-4.1": "``Vary``",
    "9111-4.2": "lifetime, and nothing stale",
    "9111-4.3": "revalidation",
    "9111-5.1": "``Age``",
    "9111-5.2": "``Cache-Control``",
    "9111-5.3": "``Expires``",
    "9111-7.3": "``Set-Cookie``",
    "9112-3.2": "targets in absolute form",
    "9211-2": "``Cache-Status``",
    "9213-2.1": "targeted fields: how they are read",
    "9213-2.2": "targeted fields: which one decides",
    "9213-3.1": "``Surrogate-Control`` is taken away",
    "5861-3": "``stale-while-revalidate``",
    "5861-4": "``stale-if-error``",
}


def lines(outcomes: Outcomes) -> Iterator[str]:
    """Yield the lines of the table, in reStructuredText."""
    rule = "  ".join("=" * width for width in (4, 7, 36, *(13 for _ in outcomes)))
    yield rule
    yield _row("RFC", "section", "about", *outcomes)
    yield rule
    for section, subject in SUBJECTS.items():
        points = [point for point in POINTS if _is_of(point, section)]
        counts = (_count(points, held) for held in outcomes.values())
        yield _row(*section.split("-"), subject, *counts)
    yield _row("all", "", "", *(_count(POINTS, held) for held in outcomes.values()))
    yield rule


def points(outcomes: Outcomes) -> Iterator[str]:
    """Yield a line for each point."""
    for point in POINTS:
        held = ("yes" if outcome[point.id] is None else "no" for outcome in outcomes.values())
        yield "  ".join([*(f"{word:3}" for word in held), point.id])


def _is_of(point: Point, section: str) -> bool:
    number, _, place = point.section.partition("-")
    return section == f"{number}-{'.'.join(place.split('.')[:2])}"


def _count(points: list[Point], outcomes: Mapping[str, BaseException | None]) -> str:
    held = sum(outcomes[point.id] is None for point in points)
    return f"{held} of {len(points)}"


def _row(number: str, section: str, about: str, *cells: str) -> str:
    words = [f"{number:4}", f"{section:7}", f"{about:36}"]
    return "  ".join([*words, *(f"{cell:13}" for cell in cells)]).rstrip()
