"""Relations whose ``on_delete`` the database carries out itself (``DB_CASCADE`` and the like)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, deletion

__all__ = ["DatabaseRelation", "database_relations"]

_DATABASE: tuple[type[Any], ...] = tuple(
    filter(None, [getattr(deletion, "DatabaseOnDelete", None)])
)


@dataclass(frozen=True, eq=False, kw_only=True)
class DatabaseRelation:
    """Rows of ``model`` whose ``by`` refers to the ``attname`` of a deleted row."""

    model: type[Model]
    by: str
    attname: str
    cascades: bool
    """The rows are deleted as well; otherwise they are changed."""


def database_relations(
    model: type[Model], is_touched: Callable[[type[Model]], bool]
) -> Iterator[DatabaseRelation]:
    """Yield the relations towards ``model`` through which a deletion reaches registered rows."""
    for relation in _towards(model):
        if is_touched(relation.model) or (
            relation.cascades and _leads_on(relation.model, is_touched, {model})
        ):
            yield relation


def _leads_on(
    model: type[Model], is_touched: Callable[[type[Model]], bool], seen: set[type[Model]]
) -> bool:
    if model in seen:
        return False
    seen.add(model)
    return any(
        is_touched(relation.model)
        or (relation.cascades and _leads_on(relation.model, is_touched, seen))
        for relation in _towards(model)
    )


def _towards(model: type[Model]) -> Iterator[DatabaseRelation]:
    related: Any
    for related in deletion.get_candidate_relations_to_delete(model._meta):
        field = related.field
        on_delete = field.remote_field.on_delete
        if isinstance(on_delete, _DATABASE):
            yield DatabaseRelation(
                model=related.related_model,
                by=field.name,
                attname=field.target_field.attname,
                cascades=on_delete.operation == "CASCADE",
            )
