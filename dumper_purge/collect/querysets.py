"""``QuerySet.update()`` and ``bulk_update()``, for which Django sends no signals."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet

from dumper_purge import conf
from dumper_purge.collect.bulk import collected, keys, too_many
from dumper_purge.collect.change import Change
from dumper_purge.collect.collector import collect
from dumper_purge.collect.plans import plan_for
from dumper_purge.collect.request import saw_change
from dumper_purge.collect.rows import locking, read

__all__ = ["change_of", "watch_bulk_update", "watch_update"]

_done: ContextVar[type[Model] | None] = ContextVar("dumper_purge_done", default=None)
"""The model whose ``bulk_update()`` is running, and has been purged as a whole."""


def change_of(queryset: Any, names: frozenset[str] | None = None) -> Change | None:
    """Begin the change that a write through a queryset makes; None if it touches nothing."""
    plan = plan_for(queryset.model)
    if plan is None or not plan.touches or not conf.current().enabled:
        return None
    saw_change()
    queryset._for_write = True
    return Change(plan, queryset.db, names=names) or None


def watch_update(update: Callable[..., int]) -> Callable[..., int]:
    """Return ``QuerySet.update`` with the purges of registered models added."""

    @wraps(update)
    def watched(self: Any, **kwargs: Any) -> int:
        change = None
        if _done.get() is not self.model and not _is_refused(self):
            change = change_of(self, frozenset(kwargs))
        if change is None:
            return update(self, **kwargs)
        with locking(change.using):
            return _update(update, self, kwargs, change)

    return watched


def _is_refused(queryset: Any) -> bool:
    """Tell whether Django refuses to update such a queryset, and says why."""
    query = queryset.query
    return bool(query.is_sliced or query.combinator or query.distinct_fields)


def _update(update: Callable[..., int], queryset: Any, kwargs: Any, change: Change) -> int:
    pks = keys(queryset)
    model, using = change.plan.model, change.using
    is_large = too_many(change, len(pks), "update()")
    if change.looks_back and not is_large:
        change.before(read(model, using, "pk", pks, lock=True))
    with collected(change):
        if is_large:
            return update(queryset, **kwargs)
        rows = _update_only(update, queryset, pks, kwargs, change)
        change.after(read(model, using, "pk", [*pks, *_new_keys(change, kwargs)]))
        return rows


def _update_only(
    update: Callable[..., int], queryset: Any, pks: list[Any], kwargs: Any, change: Change
) -> int:
    """Update these rows, and none that have come to match since their keys were read."""
    most = connections[change.using].features.max_query_params
    if not most or len(pks) <= most // 2:
        rows = update(QuerySet.filter(queryset, pk__in=pks), **kwargs)
        queryset._result_cache = None
        return rows
    rows = update(queryset, **kwargs)
    if rows != len(pks):
        change.give_up()
    return rows


def _new_keys(change: Change, kwargs: Any) -> list[Any]:
    """Return the primary keys that an update gives to its rows, mostly none."""
    key = change.plan.model._meta.pk
    given = [kwargs[name] for name in {key.name, key.attname} if name in kwargs]
    if any(hasattr(value, "resolve_expression") for value in given):
        change.give_up()
        return []
    return [getattr(value, "pk", value) for value in given]


def watch_bulk_update(bulk_update: Callable[..., int]) -> Callable[..., int]:
    """Return ``QuerySet.bulk_update`` bounded; it writes by ``update()``, which purges."""

    @wraps(bulk_update)
    def watched(
        self: Any, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        objs = tuple(objs)
        fields = tuple(fields)
        change = None
        if plan_for(self.model) is not None and len(objs) > conf.current().bulk_limit:
            change = change_of(self, frozenset(fields))
        if change is None:
            return bulk_update(self, objs, fields, batch_size)
        with transaction.atomic(using=change.using, savepoint=False), _purged(self.model):
            too_many(change, len(objs), "bulk_update()")
            collect(change.using, change.batch)
            return bulk_update(self, objs, fields, batch_size)

    return watched


@contextmanager
def _purged(model: type[Model]) -> Iterator[None]:
    token = _done.set(model)
    try:
        yield
    finally:
        _done.reset(token)
