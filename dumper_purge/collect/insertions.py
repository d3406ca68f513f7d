"""``QuerySet.bulk_create()``, for which Django sends no signals."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce, wraps
from operator import or_
from typing import Any

from django.db.models import Model, Q

from dumper_purge.collect.bulk import collected, too_many, unknown
from dumper_purge.collect.change import Change
from dumper_purge.collect.querysets import change_of
from dumper_purge.collect.rows import locking, read
from dumper_purge.collect.stored import shows_columns, without_memory

__all__ = ["watch_bulk_create"]

CHUNK = 100
"""How many rows one query looks for by several columns."""


def watch_bulk_create(bulk_create: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``QuerySet.bulk_create`` with the purges of registered models added."""

    @wraps(bulk_create)
    def watched(
        self: Any,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Any = None,
        unique_fields: Any = None,
    ) -> Any:
        options = (batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)
        change = change_of(self)
        if change is None:
            return bulk_create(self, objs, *options)
        objs = list(objs)
        if too_many(change, len(objs), "bulk_create()"):
            with collected(change):
                return bulk_create(self, objs, *options)
        by = unique_fields if update_conflicts else None
        with locking(change.using):
            if update_conflicts:
                _before_overwriting(change, objs, by)
            change.before_at_ends(objs)
            with collected(change):
                created = bulk_create(self, objs, *options)
                rows = _rows(change, objs, by, conflicts=ignore_conflicts or update_conflicts)
                change.after(_once(rows), joining=objs)
        return created

    return watched


def _before_overwriting(change: Change, objs: list[Any], unique_fields: Any) -> None:
    """Take the rows that are overwritten."""
    if not unique_fields:
        unknown(change, "bulk_create() updates")
    elif change.looks_back:
        columns = _attributes(change.plan.model, unique_fields)
        change.before(_overwritten(change, objs, columns, lock=True))


def _rows(change: Change, objs: list[Any], unique_fields: Any, *, conflicts: bool) -> Iterator[Any]:
    """Yield what is in the database now for the objects, some rows more than once."""
    plan, using = change.plan, change.using
    must_read = conflicts or plan.generated
    keys, keyless, keyed = [], [], []
    for obj in objs:
        if not obj._is_pk_set() or hasattr(obj.pk, "resolve_expression"):
            keyless.append(obj)
        elif must_read or not shows_columns(obj, plan.shape, using):
            keys.append(obj.pk)
            keyed.append(obj)
        else:
            yield without_memory(obj, plan.shape, using)
    yield from read(plan.model, using, "pk", keys)
    if unique_fields:
        yield from _overwritten(change, keyed, _attributes(plan.model, unique_fields))
    if change.shows_rows:
        yield from _looked_up(change, keyless)


def _once(rows: Iterable[Any]) -> Iterator[Any]:
    seen: set[Any] = set()
    for row in rows:
        if row.pk not in seen:
            seen.add(row.pk)
            yield row


def _overwritten(
    change: Change, objs: list[Any], columns: tuple[str, ...], *, lock: bool = False
) -> Iterator[Any]:
    """Return the rows that stand in the way: their keys are not those the objects bring."""
    if any(_is_computed(obj, columns) for obj in objs):
        unknown(change, "bulk_create() updates")
    return _matching(change, columns, objs, lock=lock)


def _looked_up(change: Change, objs: list[Any]) -> Iterator[Any]:
    """Yield rows whose keys the database has not told, by what else is unique about them."""
    model = change.plan.model
    column_sets = [_attributes(model, names) for names in _unique_sets(model)]
    if any(all(_values(obj, columns) is None for columns in column_sets) for obj in objs):
        unknown(change, "bulk_create() inserts")
    for columns in column_sets:
        yield from _matching(change, columns, objs)


def _unique_sets(model: type[Model]) -> Iterator[tuple[str, ...]]:
    meta: Any = model._meta
    for field in meta.concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)
    yield from meta.unique_together
    for constraint in meta.total_unique_constraints:
        yield constraint.fields


def _attributes(model: type[Model], names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of these fields, by which objects are compared and rows are found."""
    meta: Any = model._meta
    keys = {"pk", meta.pk.name}
    return tuple("pk" if name in keys else meta.get_field(name).attname for name in names)


def _values(obj: Any, columns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Return what the object has in these columns; None if no row can be found by it."""
    values = tuple(getattr(obj, column) for column in columns)
    if any(value is None or hasattr(value, "resolve_expression") for value in values):
        return None
    return values


def _is_computed(obj: Any, columns: tuple[str, ...]) -> bool:
    return any(hasattr(getattr(obj, column), "resolve_expression") for column in columns)


def _matching(
    change: Change, columns: tuple[str, ...], objs: list[Any], *, lock: bool = False
) -> Iterator[Any]:
    known = [values for obj in objs if (values := _values(obj, columns)) is not None]
    model, using = change.plan.model, change.using
    if len(columns) == 1:
        yield from read(model, using, columns[0], [value for (value,) in known], lock=lock)
        return
    for start in range(0, len(known), CHUNK):
        alternatives = (
            Q(**dict(zip(columns, values, strict=True))) for values in known[start : start + CHUNK]
        )
        yield from model._base_manager.using(using).filter(reduce(or_, alternatives))
