"""While dependents are named, relations are read where the write went, and not from a replica."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

__all__ = ["reading_from", "watch"]

_written: ContextVar[str | None] = ContextVar("dumper_purge_written", default=None)


@contextmanager
def reading_from(using: str) -> Iterator[None]:
    """Read from this database all that is written to it, also what another one has copies of."""
    token = _written.set(using)
    try:
        yield
    finally:
        _written.reset(token)


def watch(db_for_read: Callable[..., str]) -> Callable[..., str]:
    """Return ``ConnectionRouter.db_for_read`` with the written database preferred.

    A replica has not what the open transaction has written, and may be late with the rest.
    Models that the router keeps elsewhere are read from there, as ever.
    """

    @wraps(db_for_read)
    def watched(self: Any, model: Any, **hints: Any) -> str:
        using = _written.get()
        if using is not None and _is_written_to(self, using, model, hints):
            return using
        return db_for_read(self, model, **hints)

    return watched


def _is_written_to(router: Any, using: str, model: Any, hints: dict[str, Any]) -> bool:
    try:
        return bool(router.db_for_write(model, **hints) == using)
    except Exception:  # A router may refuse to write what can only be read.
        return False
