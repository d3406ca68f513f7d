"""Locks of rows that others may hold: waited for shortly, and never for as long as they like."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import OperationalError, connections

__all__ = ["locked", "patiently"]

_T = TypeVar("_T")

_TIMES = 8
_PAUSE = 0.03


def locked(rows: Any, key: str) -> Any:
    """Return the row with this key, locked until the transaction ends, or None if there is none.

    Raises OperationalError at once where somebody else holds it, and what the database raises.
    """
    nowait = connections[rows.db].features.has_select_for_update_nowait
    return rows.select_for_update(nowait=nowait).filter(pk=key).first()


def patiently(action: Callable[[], _T]) -> _T:
    """Return what an action returns that may find a row locked; try again for a quarter second.

    Raises the last OperationalError.
    """
    for _ in range(_TIMES - 1):
        try:
            return action()
        except OperationalError:
            time.sleep(_PAUSE)
    return action()
