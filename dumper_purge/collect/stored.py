"""Whether an instance in memory shows what the database has of it.

It need not: ``Post(number="7")`` keeps its str, ``at`` its time zone, and a related object that
it once loaded is not what others have made of that row since.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.models import Model
from django.utils.functional import cached_property as django_cached_property

__all__ = ["Shape", "is_same", "remembers", "shape_of", "shows_columns", "without_memory"]

_TYPES: tuple[tuple[type[Any], type[Any]], ...] = (
    (models.DateTimeField, datetime),
    (models.DateField, date),
    (models.DecimalField, Decimal),
    (models.CharField, str),
    (models.TextField, str),
    (models.IntegerField, int),
    (models.BooleanField, bool),
    (models.FloatField, float),
    (models.TimeField, time),
    (models.DurationField, timedelta),
    (models.UUIDField, UUID),
)

_Check = Callable[[Any, Any], bool]
"""Takes a value and the time zone of the connection."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shape:
    """What the rows of a model hold when they come from the database."""

    attnames: tuple[str, ...]
    types: tuple[tuple[str, type[Any]], ...]
    checks: tuple[tuple[str, _Check], ...]
    memory: frozenset[str]
    """What an instance keeps of other rows, besides its ``fields_cache``."""


def shape_of(model: type[Model]) -> Shape:
    """Work out the shape of a model, which takes long."""
    types, checks = [], []
    for field in model._meta.concrete_fields:
        kind, check = _expected(field)
        if kind is not None:
            types.append((field.attname, kind))
        if check is not None:
            checks.append((field.attname, check))
    kept = (
        name
        for owner in model.__mro__
        for name, value in vars(owner).items()
        if isinstance(value, (cached_property, django_cached_property))
    )
    return Shape(
        attnames=tuple(field.attname for field in model._meta.concrete_fields),
        types=tuple(types),
        checks=tuple(checks),
        memory=frozenset({"_prefetched_objects_cache", *kept}),
    )


def _expected(field: Any) -> tuple[type[Any] | None, _Check | None]:
    while field.is_relation:
        field = field.target_field
    if type(field).__module__.startswith("django.db.models."):
        for cls, kind in _TYPES:
            if isinstance(field, cls):
                return kind, _precise(field, kind)
    return None, lambda value, _: _is_converted(field, value)


def _precise(field: Any, kind: type[Any]) -> _Check | None:
    if kind is datetime:
        return lambda value, zone: value.tzinfo is zone or _is_in(value, zone)
    if kind is Decimal:
        return lambda value, _: value.as_tuple().exponent == -field.decimal_places
    return None


def _is_in(value: datetime, zone: Any) -> bool:
    if value.tzinfo is None or zone is None:
        return False
    return value.utcoffset() == value.astimezone(zone).utcoffset()


def _is_converted(field: Any, value: Any) -> bool:
    if hasattr(value, "resolve_expression"):
        return False
    try:
        converted = field.to_python(value)
    except Exception:
        return False
    return converted is value or (type(converted) is type(value) and is_same(converted, value))


def shows_columns(instance: Any, shape: Shape, using: str) -> bool:
    """Tell whether the columns are such as the database would give them."""
    values = vars(instance).get
    for name, kind in shape.types:
        value = values(name)
        if type(value) is not kind and value is not None and not _stands_for(value, kind):
            return False
    if shape.checks:
        zone = connections[using].timezone
        for name, check in shape.checks:
            value = values(name)
            if value is not None and not check(value, zone):
                return False
    return True


def _stands_for(value: Any, kind: type[Any]) -> bool:
    """Tell whether it is a choice, or another str, that reads like what is stored of it."""
    return isinstance(value, kind) and isinstance(value, (str, models.Choices))


def remembers(instance: Any, shape: Shape) -> bool:
    """Tell whether the instance keeps something of other rows, which may be out of date."""
    return bool(instance._state.fields_cache) or not (
        vars(instance).keys().isdisjoint(shape.memory)
    )


def without_memory(instance: Any, shape: Shape, using: str) -> Any:
    """Return the same row as if new from the database, with what else was put on the instance."""
    if not remembers(instance, shape):
        return instance
    values = vars(instance)
    names = [name for name in shape.attnames if name in values]
    row = type(instance).from_db(using, names, [values[name] for name in names])
    left_out = {"_state", *names, *shape.memory}
    vars(row).update((name, value) for name, value in values.items() if name not in left_out)
    return row


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are certainly equal; some, such as arrays, cannot say."""
    try:
        return (one == other) is True
    except Exception:
        return False
