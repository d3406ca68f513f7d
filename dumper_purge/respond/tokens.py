"""Tokens, the values of generations: random, never repeated, stamped with their writer's clock."""

import secrets
import time

__all__ = ["fresh", "newest", "old"]


def fresh() -> str:
    """Return a new token that says its tag was purged just now."""
    return f"{time.time_ns() // 1_000_000}.{secrets.token_hex(8)}"


def old() -> str:
    """Return a new token that says its tag was not purged lately."""
    return f"0.{secrets.token_hex(8)}"


def newest(tokens: "list[str] | tuple[str, ...]") -> float:
    """Return the time, in seconds, of the latest purge that the tokens tell of.

    What cannot be read as a token is taken for one of the far future.
    """
    return max(map(_stamp, tokens), default=0.0)


def _stamp(token: str) -> float:
    milliseconds = token.partition(".")[0]
    return int(milliseconds) / 1000 if milliseconds.isdecimal() else float("inf")
