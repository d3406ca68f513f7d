"""What a point of an RFC is, and how it is tried at a proxy."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException

from tests.conformance.case import Case
from tests.conformance.origin import Origin

__all__ = ["Point", "tried"]

AT_ONCE = 32


@dataclass(frozen=True)
class Point:
    """A sentence, the RFC's "number-section", and what fails where it does not hold."""

    section: str
    sentence: str
    run: Callable[[Case], None]
    timed: bool = False
    """Whether a busy machine may miss a moment that it needs; it is then tried once more."""

    @property
    def id(self) -> str:
        """Return what pytest calls it."""
        return f"{self.section} {self.sentence.replace('`', '')}"


def tried(points: Iterable[Point], origin: Origin, port: int) -> dict[str, BaseException | None]:
    """Try each point at the proxy on ``port``; return what went wrong, by the point's id."""

    def trial(numbered: tuple[int, Point]) -> BaseException | None:
        number, point = numbered
        path = f"/on-{port}/{number}/"
        wrong = _wrong(point, Case(origin, port, path))
        if wrong is not None and point.timed:
            return _wrong(point, Case(origin, port, f"{path}again/"))
        return wrong

    points = list(points)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = pool.map(trial, enumerate(points))
        return dict(zip((point.id for point in points), outcomes, strict=True))


def _wrong(point: Point, case: Case) -> BaseException | None:
    try:
        point.run(case)
    except (AssertionError, HTTPException, OSError, ValueError) as error:
        return error
    return None
