"""What an instance held when its row was written: receivers of ``post_save`` may change it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models.signals import post_save

__all__ = ["Written", "note", "writing"]


class Written:
    """The values of an instance as they went into its row."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self._values: dict[str, Any] = {}

    def note(self) -> None:
        """Take the values as they are now."""
        self._values = dict(vars(self.instance))

    def was_changed_since(self) -> bool:
        """Tell whether the instance shows something else than its row."""
        held = vars(self.instance)
        names = (field.attname for field in self.instance._meta.concrete_fields)
        return any(_differ(held.get(name), self._values.get(name)) for name in names)


def _differ(one: Any, other: Any) -> bool:
    return one is not other and not (type(one) is type(other) and one == other)


_current: ContextVar[Written | None] = ContextVar("dumper_purge_written", default=None)


@contextmanager
def writing(instance: Any) -> Iterator[Written | None]:
    """Watch what is written in the block; None where nobody is called after it."""
    written = Written(instance) if post_save.has_listeners(type(instance)) else None
    token = _current.set(written)
    try:
        yield written
    finally:
        _current.reset(token)


def note(instance: Any, table: Any) -> None:
    """Note that the row of an instance was written to its own table, not to that of a parent."""
    written = _current.get()
    if written is None or written.instance is not instance:
        return
    if table is instance._meta.concrete_model:
        written.note()
