"""What is asked of a backend."""

from enum import Enum

__all__ = ["Step"]


class Step(Enum):
    """The purge, the second purge, and the wait for what was in flight during either."""

    SEND = "send"
    REPEAT = "repeat"
    SETTLE = "settle"
