"""How long a request may wait for its purges, all of them together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started

from dumper_purge.conf import current

__all__ = ["in_request", "spending"]


class _Spent:
    seconds = 0.0


_spent: ContextVar[_Spent | None] = ContextVar("dumper_budget", default=None)


def in_request() -> bool:
    """Tell whether this code is part of a request, whose end will be told."""
    return _spent.get() is not None


@contextmanager
def spending() -> Iterator[float]:
    """Yield the seconds of ``DUMPER_INLINE_BUDGET`` that are left, and count those of the block.

    Outside a request every block has a budget of its own.
    """
    spent = _spent.get() or _Spent()
    started = time.monotonic()
    try:
        yield max(current().inline_budget - spent.seconds, 0.0)
    finally:
        spent.seconds += time.monotonic() - started


def _open(**kwargs: Any) -> None:
    _spent.set(_Spent())


def _close(**kwargs: Any) -> None:
    _spent.set(None)


request_started.connect(_open, dispatch_uid="dumper_purge.budget")
request_finished.connect(_close, dispatch_uid="dumper_purge.budget")
