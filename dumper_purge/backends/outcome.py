"""What an answer means for a purge: done, try again, or refused."""

import re
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from dumper_purge.exceptions import PurgeError, Rejected, Transient

__all__ = ["Verdict", "api_failure", "failure", "retry_after", "verdict_of", "worst"]

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_FOR_GOOD = frozenset({501, 505})
_LONGEST = 3_600.0
_THROTTLED = 5.0
"""Seconds to stay away where nobody says how long."""


class Verdict(Enum):
    """What came of one call of an API."""

    DONE = auto()
    THROTTLED = auto()
    TRANSIENT = auto()
    """The same call may succeed later."""
    TOO_BIG = auto()
    """Fewer items at once may succeed."""
    BAD_ITEM = auto()
    """One of the items is refused, and the others with it."""
    REFUSED = auto()
    """Token, zone or address are wrong: no call would succeed."""


def verdict_of(status: int) -> Verdict:
    """Return what a status means where an API does not say more (RFC 9110, 15; RFC 6585, 4)."""
    if status == 429:
        return Verdict.THROTTLED
    if _may_pass(status):
        return Verdict.TRANSIENT
    if status in {413, 414, 431}:
        return Verdict.TOO_BIG
    return Verdict.BAD_ITEM if status in {400, 422} else Verdict.REFUSED


def failure(who: str, status: int, reason: str, *, wait: str | None, remedy: str) -> PurgeError:
    """Return the error for a proxy's status that is no success.

    ``who`` names alias and node, ``wait`` is the Retry-After header, ``remedy`` what the user can
    do about a refusal.
    """
    said = f"{who} answered {status}" + (f" {reason[:80]!r}" if reason else "")
    if _may_pass(status):
        return Transient(f"{said}.", retry_after=retry_after(wait))
    return Rejected(f"{said}: {remedy}.")


def api_failure(
    who: str, verdict: Verdict, said: str, *, wait: str | None, remedy: str
) -> PurgeError:
    """Return the error for an API's answer; ``said`` is its status, and what it answered."""
    if verdict in {Verdict.THROTTLED, Verdict.TRANSIENT}:
        seconds = retry_after(wait)
        if seconds is None and verdict is Verdict.THROTTLED:
            seconds = _THROTTLED
        return Transient(f"{who} answered {said}.", retry_after=seconds)
    return Rejected(f"{who} answered {said}: {remedy}.")


def _may_pass(status: int) -> bool:
    return status in _TRY_AGAIN or (status >= 500 and status not in _FOR_GOOD)


def worst(errors: Sequence[PurgeError]) -> PurgeError:
    """Return the error that decides what comes next: one that may pass, if there is any."""
    return next((error for error in errors if isinstance(error, Transient)), errors[0])


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, an hour at most (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), _LONGEST)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST)
