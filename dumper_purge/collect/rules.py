"""Which functions name the dependents of a row, and which of its fields matter."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model

from dumper_purge.collect import registry
from dumper_purge.collect.registry import METHODS, Function, Registration

__all__ = ["Rule", "Source", "check_fields", "rules_for", "sources_of"]


@dataclass(frozen=True)
class Source:
    """One function that names dependents, as paths or as tags.

    ``identity`` is the same for every class that inherits the function unchanged.
    """

    name: str
    function: Function
    is_tags: bool
    identity: Any


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """What one registration means for the rows of one class."""

    registration: Registration
    sources: tuple[Source, ...]
    names: frozenset[str] | None = None
    """Every spelling of the fields whose change matters; None: all of them do."""
    attnames: tuple[str, ...] | None = None
    """The columns that are compared; None: every write counts as a change."""

    def concerns(self, names: frozenset[str] | None) -> bool:
        """Tell whether a write of these fields matters; None stands for all fields."""
        return self.names is None or names is None or not self.names.isdisjoint(names)


def rules_for(model: type[Model]) -> tuple[Rule, ...]:
    """Return the rules for rows of ``model``: its own registration and those it inherits.

    A method is called as the row's class defines it. An ancestor with a registration of its own
    has its own method called too, because its pages show the same row.
    """
    seen: set[Any] = set()
    rules: list[Rule] = []
    for ancestor in model.__mro__:
        registration = registry.find(ancestor)
        if registration is not None:
            holder = ancestor if rules else model
            found = sources_of(registration, holder, inherited=bool(rules))
            sources = [source for source in found if source.identity not in seen]
            seen.update(source.identity for source in sources)
            if sources:
                rules.append(_rule(registration, tuple(sources)))
    return tuple(rules)


def sources_of(
    registration: Registration, holder: type[Model] | None = None, *, inherited: bool = False
) -> Iterator[Source]:
    """Yield the functions of a registration, as ``holder`` has them (None: the model itself)."""
    holder = holder or registration.model
    for option, method in METHODS.items():
        is_tags = option == "tags"
        given: Function | None = getattr(registration, option)
        if given is not None:
            name = f"{option}={getattr(given, '__qualname__', given)}"
            yield Source(name, given, is_tags, given)
        elif (unbound := getattr(holder, method, None)) is not None:
            function = unbound if inherited else methodcaller(method)
            yield Source(f"{holder.__name__}.{method}()", function, is_tags, unbound)


def _rule(registration: Registration, sources: tuple[Source, ...]) -> Rule:
    if registration.fields is None:
        return Rule(registration=registration, sources=sources)
    names, attnames = check_fields(registration.model, registration.fields)
    return Rule(registration=registration, sources=sources, names=names, attnames=attnames)


def check_fields(
    model: type[Model], fields: frozenset[str]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return every spelling of the fields, and their columns; raise for a name that is none."""
    names = set(fields)
    columns: set[str] = set()
    for name in fields:
        for field in _columns(model, name):
            names.add(field.name)
            if getattr(field, "column", None):
                columns.add(field.attname)
    return frozenset(names | columns), tuple(sorted(columns))


def _columns(model: type[Model], name: str) -> list[Any]:
    try:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist as error:
        raise ImproperlyConfigured(
            f"register({model.__name__}, fields=[{name!r}]): {model._meta.label} has no such"
            " field; name its fields and relations."
        ) from error
    if hasattr(field, "ct_field"):
        return [model._meta.get_field(part) for part in (field.ct_field, field.fk_field)]
    return [field]
