"""What an HTTP status means for a purge: done, try again, or refused."""

import re
import time
from email.utils import parsedate_to_datetime

from dumper_purge.exceptions import PurgeError, Rejected, Transient

__all__ = ["failure", "retry_after"]

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST = 3_600.0


def failure(who: str, status: int, reason: str, *, wait: str | None, remedy: str) -> PurgeError:
    """Return the error for a status that is no success.

    ``who`` names alias and node, ``wait`` is the Retry-After header, ``remedy`` what the user can
    do about a refusal.
    """
    said = f"{who} answered {status}" + (f" {reason[:80]!r}" if reason else "")
    if status in _TRY_AGAIN:
        return Transient(f"{said}.", retry_after=retry_after(wait))
    return Rejected(f"{said}: {remedy}.")


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
