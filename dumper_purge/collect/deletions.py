"""Deletions of every kind, at the one place where Django carries them out.

No signal receivers are connected: with them, Django would read every row that it can now delete
with one query.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from itertools import chain, islice
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from dumper_purge import conf
from dumper_purge.collect.bulk import keys, too_many
from dumper_purge.collect.cascades import DatabaseRelation
from dumper_purge.collect.change import Change
from dumper_purge.collect.collector import collect
from dumper_purge.collect.plans import Plan, plan_for
from dumper_purge.collect.request import saw_change
from dumper_purge.collect.rows import locking, read, read_keys

__all__ = ["watch"]


def watch(delete: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``Collector.delete`` with the purges of registered models added."""

    @wraps(delete)
    def watched(self: Any) -> Any:
        if not any(_plans(self)) or not conf.current().enabled:
            return delete(self)
        saw_change()
        deletion = _Deletion(self.using)
        with locking(self.using):
            deletion.before(self)
            with transaction.atomic(using=self.using, savepoint=False):
                try:
                    deleted = delete(self)
                    deletion.after()
                finally:
                    deletion.collect()
        return deleted

    return watched


def _plans(collector: Any) -> Iterator[Plan | None]:
    for model, instances in collector.data.items():
        if instances:
            yield plan_for(model)
    for queryset in collector.fast_deletes:
        yield plan_for(queryset.model)
    for field, _ in collector.field_updates:
        yield plan_for(field.model)


class _Deletion:
    """The changes to every model that one deletion reaches."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._removals: list[Change] = []
        self._updates: list[tuple[Change, list[Any]]] = []
        self._seen: set[tuple[type[Model], Any]] = set()

    def before(self, collector: Any) -> None:
        """Take all rows as they are before the deletion."""
        for model, instances in collector.data.items():
            self._remove(model, [instance.pk for instance in instances])
        for queryset in collector.fast_deletes:
            if plan_for(queryset.model) is not None:
                self._remove(queryset.model, keys(queryset.using(self._using)))
        for (field, _), parts in collector.field_updates.items():
            loaded = chain.from_iterable(part for part in parts if _is_loaded(part))
            self._update(field.model, [row.pk for row in loaded], field.name)

    def after(self) -> None:
        """Take what is left of them."""
        for change in self._removals:
            change.after(())
        for change, pks in self._updates:
            change.after(read(change.plan.model, self._using, "pk", pks))

    def collect(self) -> None:
        """Purge what was found so far."""
        for change in (*self._removals, *(change for change, _ in self._updates)):
            collect(self._using, change.batch)

    def _remove(self, model: type[Model], pks: list[Any]) -> None:
        plan = plan_for(model)
        new = [pk for pk in pks if (model, pk) not in self._seen]
        if plan is None or not new:
            return
        self._seen.update((model, pk) for pk in new)
        change = Change(plan, self._using, removal=True)
        self._removals.append(change)
        if too_many(change, len(new), "delete()"):
            self._give_up(plan)
            return
        rows = change.listed(read(model, self._using, "pk", new, lock=True))
        if change.gave_up:
            self._give_up(plan)
        change.before(rows)
        for relation in plan.relations:
            values = {getattr(row, relation.attname) for row in rows}
            self._follow(relation, values - {None})

    def _update(self, model: type[Model], pks: list[Any], name: str) -> None:
        plan = plan_for(model)
        if plan is None or not pks:
            return
        change = Change(plan, self._using, names=frozenset({name}))
        if not change:
            return
        too_many_rows = too_many(change, len(pks), "delete()")
        if not too_many_rows:
            change.before(read(model, self._using, "pk", pks, lock=True))
        self._updates.append((change, [] if too_many_rows else pks))

    def _follow(self, relation: DatabaseRelation, values: set[Any]) -> None:
        """Take the rows that the database itself will delete or change."""
        found = read_keys(relation.model, self._using, relation.by, values)
        pks = list(islice(found, conf.current().bulk_limit + 1))
        if relation.cascades:
            self._remove(relation.model, pks)
        else:
            self._update(relation.model, pks, relation.by)

    def _give_up(self, plan: Plan) -> None:
        """Purge broadly for all that the database will delete or change."""
        for relation in plan.relations:
            reached = plan_for(relation.model)
            if reached is not None and (reached.model, None) not in self._seen:
                self._seen.add((reached.model, None))
                change = Change(reached, self._using, removal=relation.cascades)
                change.give_up()
                self._removals.append(change)
                self._give_up(reached)


def _is_loaded(part: Any) -> bool:
    """Tell apart what Django updates by a query of its own from what goes by ``update()``."""
    return not isinstance(part, QuerySet) or part._result_cache is not None
