"""Rounds that take turns, and the ratios that come of them.

The machine may be shared: subjects run one after another within a round, and what counts is the
median of the rounds' own ratios. The ratio of the fastest rounds stands beside it. What runs in
this process alone is measured in its CPU time, which others' work does not lengthen.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from time import process_time
from typing import TypeAlias

__all__ = ["Clock", "Subject", "Timings", "interleave", "per_call", "uncollected"]

Clock: TypeAlias = Callable[[], float]
Subject: TypeAlias = Callable[[], float]
"""Runs one round and returns its seconds per operation."""


@dataclass(frozen=True)
class Timings:
    """The seconds per operation of each subject, round by round."""

    seconds: Mapping[str, list[float]]

    def ratio(self, subject: str, reference: str) -> float:
        """Return how much longer than the reference the subject takes."""
        pairs = zip(self.seconds[subject], self.seconds[reference], strict=True)
        return median(one / other for one, other in pairs)

    def best_ratio(self, subject: str, reference: str) -> float:
        """Return the same for the fastest round of each."""
        return min(self.seconds[subject]) / min(self.seconds[reference])

    def median(self, subject: str) -> float:
        """Return the seconds that one operation takes."""
        return median(self.seconds[subject])


def interleave(subjects: Mapping[str, Subject], rounds: int) -> Timings:
    """Run every subject once per round, after a round of warming up that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    order = list(subjects)
    for number in range(-1, rounds):
        for name in order:
            with uncollected():
                taken = subjects[name]()
            if number >= 0:
                seconds[name].append(taken)
        order = order[1:] + order[:1]
    return Timings(seconds)


def per_call(operation: Callable[[], object], count: int, clock: Clock = process_time) -> Subject:
    """Return a subject whose round is ``count`` calls, after a few that warm up."""

    def run() -> float:
        for _ in repeat(None, count // 10):
            operation()
        started = clock()
        for _ in repeat(None, count):
            operation()
        return (clock() - started) / count

    return run


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect garbage now and not during the block."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
