"""What is known about each registered model."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import Model

from dumper_purge.batch import PurgeBatch

__all__ = ["METHODS", "Function", "Registration", "add", "find", "known", "remove"]

Function: TypeAlias = Callable[[Any], Iterable[Any]]

METHODS: Mapping[str, str] = {"paths": "dependent_paths", "tags": "dependent_tags"}
"""The model's methods that are called where the option of that name is not given."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """The options of one ``register()`` call."""

    model: type[Model]
    paths: Function | None = None
    tags: Function | None = None
    broad: PurgeBatch = PurgeBatch(everything=True)
    """What is purged where the dependents cannot be named: ``bulk=``, or everything."""
    track_changes: bool = True
    fields: frozenset[str] | None = None


_registrations: dict[type[Model], Registration] = {}


def add(registration: Registration) -> None:
    """Register a model, in place of what was registered for it before."""
    _registrations[registration.model] = registration


def remove(model: type[Model]) -> None:
    """Forget a model, if it is known."""
    _registrations.pop(model, None)


def find(model: type[Model]) -> Registration | None:
    """Return what was registered for exactly this class."""
    return _registrations.get(model)


def known() -> tuple[Registration, ...]:
    """Return all registrations, the oldest first."""
    return tuple(_registrations.values())
