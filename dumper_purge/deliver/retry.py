"""When a failed attempt is made again: the class of the error and the number of attempts decide."""

import random

from dumper_purge.exceptions import Rejected, Transient

__all__ = ["MAX_ATTEMPTS", "next_attempt"]

MAX_ATTEMPTS = 8
_FIRST = 0.5
_LONGEST = 8.0


def next_attempt(error: Exception, attempts: int, *, endless: bool = False) -> float | None:
    """Return the seconds to wait after ``attempts`` failures, or None to give up.

    A node that is down is never given up: it may come back with all that it had stored. An error
    of another class is a bug, and given up after ``MAX_ATTEMPTS``. Full jitter keeps processes
    from coming back all at once; a Retry-After is honoured.
    """
    endless = endless or isinstance(error, Transient)
    if isinstance(error, Rejected) or (attempts >= MAX_ATTEMPTS and not endless):
        return None
    wait = random.uniform(0, min(_LONGEST, _FIRST * 2 ** min(attempts, 10)))  # noqa: S311
    asked = error.retry_after if isinstance(error, Transient) else None
    return max(wait, asked or 0)
