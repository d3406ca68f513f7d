"""Reading the rows that a write touches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db import connections
from django.db.models import Model

__all__ = ["read"]

CHUNK = 500
"""How many keys one query names; every database takes as many."""


def read(
    model: type[Model], using: str, by: str, values: Iterable[Any], *, lock: bool = False
) -> Iterator[Any]:
    """Yield the rows whose ``by`` is among the values, locked where that is possible."""
    queryset = model._base_manager.using(using)
    connection = connections[using]
    if lock and connection.in_atomic_block and connection.features.has_select_for_update:
        queryset = queryset.select_related(None).order_by(by).select_for_update()
    remaining = iter(values)
    while chunk := list(islice(remaining, CHUNK)):
        if len(chunk) == 1:
            yield from queryset.filter(**{by: chunk[0]})
        else:
            yield from queryset.filter(**{f"{by}__in": chunk})
