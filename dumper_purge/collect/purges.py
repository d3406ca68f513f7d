"""Purging by word, for what the ORM cannot see: raw SQL, other systems, a deploy."""

from collections.abc import Iterable
from typing import Any

from django.db import router
from django.db.models import Model, QuerySet

from dumper_purge import conf
from dumper_purge.batch import BatchBuilder, Dependent, Prefix, check_tag
from dumper_purge.collect import watching
from dumper_purge.collect.bulk import too_many
from dumper_purge.collect.change import Change
from dumper_purge.collect.collector import purge
from dumper_purge.collect.dependents import add_dependent
from dumper_purge.collect.plans import plan_for
from dumper_purge.collect.request import saw_change
from dumper_purge.collect.stored import without_memory
from dumper_purge.exceptions import InvalidDependent

__all__ = ["purge_everything", "purge_objects", "purge_paths", "purge_prefixes", "purge_tags"]


def purge_paths(*paths: Dependent | Iterable[Dependent], using: str | None = None) -> None:
    """Purge paths, URLs, prefixes and patterns, given one by one or as one iterable.

    Inside a transaction of the database ``using`` (None: of any) this waits for its commit.
    Raises InvalidDependent, a ValueError, for the first value that is unfit, and purges nothing.
    """
    batch = BatchBuilder()
    for path in _flat(paths):
        add_dependent(batch, path)
    _purge(batch, using)


def purge_prefixes(*prefixes: str | Iterable[str], using: str | None = None) -> None:
    """Purge every path that begins so; otherwise as :func:`purge_paths`."""
    batch = BatchBuilder()
    for prefix in _flat(prefixes):
        batch.add(prefix if isinstance(prefix, Prefix) else Prefix(prefix))
    _purge(batch, using)


def purge_tags(*tags: str | Iterable[str], using: str | None = None) -> None:
    """Purge every page that carries one of the tags; otherwise as :func:`purge_paths`."""
    batch = BatchBuilder()
    batch.tags.update(check_tag(tag) for tag in _flat(tags))
    _purge(batch, using)


def purge_everything(*, using: str | None = None) -> None:
    """Purge every page; otherwise as :func:`purge_paths`."""
    batch = BatchBuilder()
    batch.everything = True
    _purge(batch, using)


def purge_objects(objects: Iterable[Model], *, using: str | None = None) -> None:
    """Purge the dependents of instances of registered models; otherwise as :func:`purge_paths`.

    Of more than ``DUMPER_BULK_LIMIT`` instances of one model, what ``bulk=`` declares, or
    everything.
    Raises InvalidDependent for an instance of another model, and DependentsError as a save would.
    """
    rows: dict[tuple[type[Model], str], list[Model]] = {}
    limit = conf.current().bulk_limit
    is_fresh = _is_unread(objects)
    for instance in _bounded(objects, limit):
        key = (type(instance), using or _database(instance))
        kept = rows.setdefault(key, [])
        if len(kept) <= limit:
            kept.append(instance)
    batch = BatchBuilder()
    for (model, alias), instances in rows.items():
        batch.merge(_dependents(model, alias, instances, is_fresh=is_fresh))
    _purge(batch, using)


def _bounded(objects: Any, limit: int) -> Iterable[Any]:
    if isinstance(objects, Model):
        return (objects,)
    if _is_unread(objects):
        return objects[: limit + 1]  # type: ignore[no-any-return]
    return objects  # type: ignore[no-any-return]


def _is_unread(objects: Any) -> bool:
    return isinstance(objects, QuerySet) and objects._result_cache is None


def _database(instance: Any) -> str:
    if not isinstance(instance, Model):
        raise InvalidDependent(f"{instance!r} is no instance of a registered model.")
    return instance._state.db or router.db_for_write(type(instance), instance=instance)


def _dependents(
    model: type[Model], using: str, instances: list[Model], *, is_fresh: bool
) -> BatchBuilder:
    plan = plan_for(model)
    if plan is None or not plan.touches:
        raise InvalidDependent(
            f"{model._meta.label} is not registered: register it, or purge its paths by name."
        )
    change = Change(plan, using)
    if not too_many(change, len(instances), "purge_objects()"):
        shape = plan.shape
        change.after(
            instances if is_fresh else [without_memory(row, shape, using) for row in instances]
        )
    return change.batch


def _flat(values: tuple[Any, ...]) -> Iterable[Any]:
    """Return the values; or those of the one iterable, which a str is not."""
    if len(values) == 1 and isinstance(values[0], Iterable) and not isinstance(values[0], str):
        return values[0]
    return values


def _purge(batch: BatchBuilder, using: str | None) -> None:
    if conf.current().enabled:
        watching.start()  # Where no model is registered, nothing else has.
        saw_change()
        purge(batch.build(), using)
