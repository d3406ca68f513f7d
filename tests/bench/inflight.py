"""The race of renders and purges on a real varnishd."""

from collections.abc import Iterator

from tests.bench.figures import AT_LEAST, AT_MOST, Effort, Figure
from tests.stress import inflight as stress

__all__ = ["inflight"]

TRIALS = 2_000
METHODS = ("purge", "xkey")
STALE_WITHOUT_FENCE_BAR = 20


def inflight(effort: Effort) -> Iterator[Figure]:
    """Count the pages that stay stale, with the fence and, to see that it is needed, without."""
    trials = effort.many(TRIALS)
    for method in METHODS:
        outcome = stress.inflight(method, trials)
        yield _stale(outcome, AT_MOST, 0)
        yield Figure(
            what=f"pages that Varnish keeps after the race, {method}",
            against=_race(outcome),
            value=100 * outcome.kept / trials,
            sense=AT_LEAST,
            bar=100,
            unit=" %",
            exact=True,
        )
    yield _stale(stress.inflight("purge", trials, fence=False), AT_LEAST, STALE_WITHOUT_FENCE_BAR)


def _stale(outcome: stress.Outcome, sense: str, bar: float) -> Figure:
    fence = "" if outcome.fence else ", no fence, a plain purge"
    return Figure(
        what=f"stale pages, {outcome.method}{fence}",
        against=_race(outcome),
        value=100 * outcome.share,
        sense=sense,
        bar=bar,
        unit=" %",
        detail=f"{outcome.stale} stale, {outcome.undone} purges undone, seed {outcome.seed},"
        f" {outcome.seconds:.0f} s",
        exact=True,
    )


def _race(outcome: stress.Outcome) -> str:
    return f"{outcome.trials:,} renders of 0 to 60 ms"
