"""Which registered rows a write to one model touches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import class_prepared

from dumper_purge.collect import registry
from dumper_purge.collect.cascades import DatabaseRelation, database_relations
from dumper_purge.collect.links import column, links
from dumper_purge.collect.rules import Rule, rules_for, sources_of
from dumper_purge.collect.stored import Shape, shape_of

__all__ = ["Plan", "View", "forget", "plan_for"]


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """Rows of ``model`` that are touched: those whose ``by`` is the written row's ``value``."""

    model: type[Model]
    by: str
    value: Callable[[Any, str], Any]
    """Takes a written row and the alias of its database."""
    rules: tuple[Rule, ...]
    linked: bool = False
    """The rows stand at the other end of a relation, and outlive the written row."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """All that a write to ``model`` touches."""

    model: type[Model]
    rules: tuple[Rule, ...]
    """The rules for the written row itself."""
    views: tuple[View, ...]
    """Other rows, and other classes that show the same row."""
    parents: tuple[View, ...]
    """The row as its registered ancestors show it, before it became a row of ``model``."""
    relations: tuple[DatabaseRelation, ...]
    """Relations whose ``on_delete`` the database carries out."""
    generated: bool
    """The database computes columns, so that an instance is out of date after its save."""
    pk_has_default: bool
    """Django inserts new instances without looking for a row to update."""
    shape: Shape
    touches: bool
    """Whether a save concerns anything; a deletion may even if it does not."""


_plans: dict[type[Model], Plan | None] = {}


def plan_for(model: type[Model]) -> Plan | None:
    """Return what a write to ``model`` touches; None if it touches nothing registered."""
    try:
        return _plans[model]
    except KeyError:
        plan = _plan(model)
        if apps.models_ready:
            _plans[model] = plan
        return plan


def forget(**kwargs: Any) -> None:
    """Work all plans out anew: a registration or the set of models has changed."""
    _plans.clear()
    links.cache_clear()


class_prepared.connect(forget, dispatch_uid="dumper_purge.collect.plans")


def _plan(model: type[Model]) -> Plan | None:
    if not registry.known() or model._meta.abstract:
        return None
    rules = rules_for(model)
    views = (*_relatives(model, rules), *_linked(model))
    relations = tuple(database_relations(model, _is_touched))
    if not (rules or views or relations):
        return None
    return Plan(
        model=model,
        rules=rules,
        views=views,
        parents=tuple(_parents(model, rules)),
        relations=relations,
        generated=any(getattr(f, "generated", False) for f in model._meta.concrete_fields),
        shape=shape_of(model),
        touches=bool(rules or views),
        pk_has_default=all(f.has_default() or f.has_db_default() for f in model._meta.pk_fields),
    )


def _is_touched(model: type[Model]) -> bool:
    return bool(rules_for(model) or _relatives(model, ()) or _linked(model))


def _tables(model: type[Model]) -> tuple[type[Model], ...]:
    """Return the concrete models whose tables hold a row of ``model``, the deepest first."""
    chain = (model, *model._meta.all_parents)
    return tuple(dict.fromkeys(m._meta.concrete_model for m in chain if m._meta.concrete_model))


def _relatives(model: type[Model], rules: tuple[Rule, ...]) -> list[View]:
    """Return the views of other classes that share a table with ``model``."""
    called = {(rule.registration.model, s.identity) for rule in rules for s in rule.sources}
    tables = _tables(model)
    views = []
    for other in _readers():
        shared = next((table for table in _tables(other) if table in tables), None)
        if shared is not None and not issubclass(model, other):
            left = tuple(_without(rules_for(other), called))
            if left:
                views.append(_view(other, shared, left))
    return views


def _readers() -> Iterator[type[Model]]:
    """Yield the registered classes, and the child tables that override what these define."""
    seen: set[type[Model]] = set()
    waiting = [registration.model for registration in registry.known()]
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            waiting += model.__subclasses__()
            if _is_installed(model) and (registry.find(model) or _overrides(model)):
                yield model


def _overrides(model: type[Model]) -> bool:
    """Tell whether a row has pages as a child that it has not as its registered parent."""
    return not model._meta.proxy and any(
        source.identity not in {known.identity for known in sources_of(rule.registration)}
        for rule in rules_for(model)
        for source in rule.sources
    )


def _is_installed(model: type[Model]) -> bool:
    """Tell apart from the historical models of migrations and of isolated registries."""
    meta = model._meta
    return meta.apps is apps and not meta.abstract and not meta.swapped


def _without(rules: tuple[Rule, ...], called: set[Any]) -> Iterator[Rule]:
    for rule in rules:
        sources = tuple(
            s for s in rule.sources if (rule.registration.model, s.identity) not in called
        )
        if sources:
            yield replace(rule, sources=sources)


def _view(model: type[Model], table: type[Model], rules: tuple[Rule, ...]) -> View:
    key = table._meta.pk
    return View(model=model, by=key.name, value=column(key.attname), rules=rules)


def _parents(model: type[Model], rules: tuple[Rule, ...]) -> Iterator[View]:
    own = model._meta.concrete_model
    for rule in rules:
        parent = rule.registration.model
        table = parent._meta.concrete_model
        if table is not None and table is not own:
            yield _view(parent, table, rules_for(parent))


def _linked(model: type[Model]) -> tuple[View, ...]:
    """Return the views of the rows that a row of ``model`` joins to others."""
    views = []
    for link in links().get(model._meta.concrete_model or model, ()):
        for rules, reader in _ends(link.model):
            left = tuple(
                replace(rule, names=None, attnames=None)
                for rule in rules
                if rule.concerns(link.names)
            )
            if left:
                views.append(
                    View(model=reader, by=link.by, value=link.value, rules=left, linked=True)
                )
    return tuple(views)


def _ends(model: type[Model]) -> Iterator[tuple[tuple[Rule, ...], type[Model]]]:
    table = model._meta.concrete_model
    rules = rules_for(model)
    yield rules, model
    for view in _relatives(model, rules):
        if table in _tables(view.model):
            yield view.rules, view.model
