"""One figure, what it is compared with, and the bar it has to reach."""

from dataclasses import dataclass
from typing import Any

from tests.bench.measure import Timings

__all__ = ["AT_LEAST", "AT_MOST", "Effort", "Figure", "faster", "slower"]

AT_MOST = "at most"
AT_LEAST = "at least"


@dataclass(frozen=True)
class Effort:
    """How much is measured: a factor on the rounds, and on what one round works through."""

    rounds: float = 1.0
    size: float = 1.0

    def times(self, rounds: int) -> int:
        """Return a number of rounds, 3 or more."""
        return max(3, round(rounds * self.rounds))

    def many(self, count: int) -> int:
        """Return a number of things to work through."""
        return max(1, round(count * self.size))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured value. Without a ``bar`` it is told for information.

    ``exact`` is one that noise cannot excuse: it is not measured again when it misses its bar.
    """

    what: str
    against: str
    value: float
    sense: str = AT_MOST
    bar: float | None = None
    unit: str = "x"
    detail: str = ""
    exact: bool = False

    @property
    def passed(self) -> bool:
        """Whether the bar is reached."""
        if self.bar is None:
            return True
        return self.value <= self.bar if self.sense == AT_MOST else self.value >= self.bar

    @property
    def verdict(self) -> str:
        """Return ``ok``, ``MISSED`` or, where there is no bar, nothing."""
        if self.bar is None:
            return ""
        return "ok" if self.passed else "MISSED"

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"{self.sense} {self.bar:g}{self.unit}"
        shown = f"{self.value:.2f}{self.unit}"
        return f"{self.verdict:6} {shown:>9} {bar:15} {self.what} | {self.against} | {self.detail}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return vars(self) | {"passed": self.passed}


def slower(
    timings: Timings, subject: str, reference: str, *, what: str, bar: float | None = None
) -> Figure:
    """Return how many times as long as the reference the subject takes."""
    return Figure(
        what=what,
        against=reference,
        value=timings.ratio(subject, reference),
        bar=bar,
        detail=_detail(timings, subject, reference, timings.best_ratio(subject, reference)),
    )


def faster(
    timings: Timings, subject: str, reference: str, *, what: str, bar: float | None = None
) -> Figure:
    """Return how many times as fast as the reference the subject is."""
    return Figure(
        what=what,
        against=reference,
        value=timings.ratio(reference, subject),
        sense=AT_LEAST,
        bar=bar,
        detail=_detail(timings, subject, reference, timings.best_ratio(reference, subject)),
    )


def _detail(timings: Timings, subject: str, reference: str, best: float) -> str:
    times = f"{_time(timings.median(subject))} : {_time(timings.median(reference))}"
    rounds = len(timings.seconds[subject])
    return f"{times}, {rounds} rounds, fastest rounds {best:.2f}x"


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms"
