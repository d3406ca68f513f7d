"""Rows that join two others: of many-to-many tables and of generic relations."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model

__all__ = ["Link", "column", "links"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Link:
    """One end of a joining row: rows of ``model`` whose ``by`` is the joining row's ``value``."""

    model: type[Model]
    by: str
    value: Callable[[Any, str], Any]
    """Takes a joining row and the alias of its database."""
    names: frozenset[str]
    """What the relation is called at that end."""


@lru_cache(maxsize=1)
def links() -> Mapping[type[Model], list[Link]]:
    """Return the ends of every model whose rows join others, by its concrete model."""
    found: dict[type[Model], list[Link]] = defaultdict(list)
    for model in apps.get_models():
        for field in model._meta.local_many_to_many:
            through: Any = field.remote_field.through
            found[through._meta.concrete_model] += _many_to_many(field, through)
        for generic in model._meta.private_fields:
            if hasattr(generic, "bulk_related_objects") and _has_type(generic, model):
                joining = generic.remote_field.model
                found[joining._meta.concrete_model].append(_generic(generic))
    return dict(found)


def _many_to_many(field: Any, through: type[Model]) -> Iterator[Link]:
    relation = field.remote_field
    near = through._meta.get_field(field.m2m_field_name())
    far = through._meta.get_field(field.m2m_reverse_field_name())
    yield _end(near, frozenset({field.name}))
    yield _end(far, frozenset({relation.name, relation.get_accessor_name() or relation.name}))


def _end(key: Any, names: frozenset[str]) -> Link:
    return Link(
        model=key.remote_field.model,
        by=key.target_field.name,
        value=column(key.attname),
        names=names,
    )


def column(attname: str) -> Callable[[Any, str], Any]:
    """Return the function that gives this column of a row."""

    def value(row: Any, using: str) -> Any:
        return getattr(row, attname)

    return value


def _has_type(generic: Any, model: type[Model]) -> bool:
    """Tell whether joining rows tell a proxy apart from its concrete model."""
    return not (model._meta.proxy and generic.for_concrete_model)


def _generic(field: Any) -> Link:
    joining = field.remote_field.model
    type_field = joining._meta.get_field(field.content_type_field_name)
    type_attname, types = type_field.attname, type_field.remote_field.model._default_manager
    id_attname = joining._meta.get_field(field.object_id_field_name).attname

    def value(row: Any, using: str) -> Any:
        content_type = types.db_manager(using).get_for_model(
            field.model, for_concrete_model=field.for_concrete_model
        )
        if getattr(row, type_attname) != content_type.pk:
            return None
        try:
            return field.model._meta.pk.to_python(getattr(row, id_attname))
        except ValidationError:
            return None

    return Link(model=field.model, by="pk", value=value, names=frozenset({field.name}))
