"""``Model.save()`` and all that ends there: ``create()``, ``asave()``, fixtures."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.db import connections, router
from django.db.models import Model

from dumper_purge import conf
from dumper_purge.collect.autocommit import Saving, enters, saving
from dumper_purge.collect.change import Change
from dumper_purge.collect.collector import collect, collect_row
from dumper_purge.collect.plans import plan_for
from dumper_purge.collect.request import saw_change
from dumper_purge.collect.rows import read_one
from dumper_purge.collect.stored import is_same, shows_columns, without_memory
from dumper_purge.collect.written import writing

__all__ = ["watch"]


def watch(save_base: Callable[..., None]) -> Callable[..., None]:
    """Return ``Model.save_base`` with the purges of registered models added.

    Signals would not do: in autocommit a receiver that raises keeps the later ones from being
    called, when the row is already committed.
    """

    @wraps(save_base)
    def watched(
        self: Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        names = None if update_fields is None else frozenset(update_fields)
        change = _change(self, using, names, raw=raw)
        if change is None:
            save_base(self, raw, force_insert, force_update, using, names)
            return
        inserts = bool(force_insert) or (
            not force_update and _is_sure_to_insert(self, change, raw=raw)
        )
        old = _old_rows(self, change, inserts=inserts)
        save = _saving(self, change, old, names, raw=raw)
        with _failure_collected(self, change, save), saving(save), writing(self) as written:
            save_base(self, raw, force_insert, force_update, change.using, names)
        if raw:
            collect_row(change.using, type(self), self.pk, change.batch, save)
            return
        shows_row = written is None or not written.was_changed_since()
        _collect(self, change, old if shows_row else None, names, save)

    return watched


def _change(
    instance: Model, using: str | None, names: frozenset[str] | None, *, raw: bool
) -> Change | None:
    plan = plan_for(type(instance))
    if plan is None or not plan.touches or not conf.current().enabled:
        return None
    saw_change()
    using = using or router.db_for_write(type(instance), instance=instance)
    change = Change(plan, using, names=names, lenient=raw)
    return change or None


def _is_sure_to_insert(instance: Any, change: Change, *, raw: bool) -> bool:
    """Tell whether Django does not look for a row to update, as it has just made the key."""
    return bool(instance._state.adding and change.plan.pk_has_default and not raw)


def _old_rows(instance: Any, change: Change, *, inserts: bool) -> list[Any]:
    """Take the row that the save overwrites, and return it in a list; an empty one if new."""
    plan = change.plan
    if not change.looks_back:
        return []
    rows: list[Any] = []
    if not inserts and instance._is_pk_set():
        rows = change.listed(read_one(plan.model, change.using, instance.pk, lock=True))
    change.before(rows)
    if not rows:
        change.before_as_parents(instance)
    return rows


def _saving(
    instance: Any, change: Change, old: list[Any], names: frozenset[str] | None, *, raw: bool
) -> Saving | None:
    """Return how to find, when the row is written and not yet committed, what a save purges."""
    if not enters(change.using):
        return None

    def find(rehearsal: Change) -> None:
        if raw:
            rehearsal.after(read_one(rehearsal.plan.model, rehearsal.using, instance.pk))
        else:
            rehearsal.after(_current(instance, rehearsal, old, names))

    return Saving(instance, change, find)


@contextmanager
def _failure_collected(instance: Any, change: Change, save: Saving | None) -> Iterator[None]:
    """Purge for a save that raises in the block, unless its row was certainly not written."""
    was_adding = instance._state.adding
    try:
        yield
    except BaseException:
        if not (was_adding and instance._state.adding):
            _collect_failed(instance, change, save)
        raise


def _collect(
    instance: Any,
    change: Change,
    old: list[Any] | None,
    names: frozenset[str] | None,
    save: Saving | None,
) -> None:
    if save is not None:
        # The row as it was written; what receivers have made of the instance comes on top.
        change.batch.merge(save.batch)
    try:
        change.after(_current(instance, change, old, names))
    except BaseException:
        change.give_up()
        raise
    finally:
        collect(change.using, change.batch, save)


def _collect_failed(instance: Any, change: Change, save: Saving | None) -> None:
    """Purge for a save that raised: the row may have been written before."""
    connection = connections[change.using]
    if not (connection.in_atomic_block and connection.needs_rollback):
        shape, using = change.plan.shape, change.using
        # Computed in there, so that what raises takes nothing's place.
        change.after_failure(without_memory(row, shape, using) for row in (instance,))
    collect(change.using, change.batch, save)


def _current(
    instance: Any, change: Change, old: list[Any] | None, names: frozenset[str] | None
) -> Iterable[Any]:
    """Return the row as it is in the database, which the instance need not show.

    ``old`` is the row before, or None if the instance was changed since its row was written.
    """
    plan = change.plan
    if (
        old is None
        or plan.generated
        or not shows_columns(instance, plan.shape, change.using)
        or _differs(instance, old, names)
    ):
        return read_one(plan.model, change.using, instance.pk)
    return (without_memory(instance, plan.shape, change.using),)


def _differs(instance: Any, old: list[Any], names: frozenset[str] | None) -> bool:
    """Tell whether fields that were not written may differ from those of the row."""
    if names is None:
        return False
    loaded = vars(instance)
    return any(
        not (old and is_same(loaded[field.attname], getattr(old[0], field.attname)))
        for field in instance._meta.concrete_fields
        if field.attname in loaded
        and not (field.primary_key or field.name in names or field.attname in names)
    )
