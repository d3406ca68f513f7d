"""What a run of chaos did and found, for a person."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.play import Outcome

__all__ = ["told"]

_MOST_PAGES = 20


def told(outcome: Outcome) -> str:
    """Return the report."""
    read_old = sum(age > 0 for age in outcome.ages)
    times = ", ".join(f"{name} {seconds:.2f}" for name, seconds in _summary(outcome.ages).items())
    lines = [
        f"operations  {_total(outcome.operations)}",
        f"reads       {_total(outcome.reads)}",
        f"faults      {_total(outcome.faults)}; {outcome.restarts} processes started again",
        f"purges      {outcome.purges} requests",
        f"staleness   {times} seconds; {read_old} of {len(outcome.ages)} pages read were old",
        f"catching up {outcome.catching_up:.1f} s; left in the outbox: {_total(outcome.outbox)}",
        f"stale       {len(outcome.stale)} of {outcome.compared} pages left",
    ]
    if outcome.stale:
        lines += [f"  {page}" for page in outcome.stale[:_MOST_PAGES]]
        lines += ["faults by seconds", *(f"  {fault}" for fault in outcome.fault_log)]
    return "\n".join(lines)


def _total(counts: Counter[str]) -> str:
    parts = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{counts.total()} ({parts})" if parts else "0"


def _summary(ages: Sequence[float]) -> dict[str, float]:
    ordered = sorted(ages) or [0.0]
    last = len(ordered) - 1
    return {"p50": ordered[last // 2], "p99": ordered[int(last * 0.99)], "max": ordered[last]}
