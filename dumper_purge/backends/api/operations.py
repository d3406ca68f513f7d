"""What an API can do: its operations, and how much one call of each may hold."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from dumper_purge.transport.call import Call

__all__ = ["Limits", "operation"]

_Operation = TypeVar("_Operation", bound=Callable[..., Call])


class Limits(NamedTuple):
    """What one call may hold: so many items, and so many bytes of them and what stands between."""

    items: int
    bytes: int
    bytes_between: int = 4


def operation(*, items: int = 1, bytes: int = 1_000_000) -> Callable[[_Operation], _Operation]:
    """Mark a method as an operation of the API that takes so many items, or bytes of them."""

    def mark(method: _Operation) -> _Operation:
        method.limits = Limits(items, bytes)  # type: ignore[attr-defined]
        return method

    return mark
