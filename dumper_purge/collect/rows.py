"""Reading the rows that a write touches."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet

from dumper_purge.collect.prepared import prepared

__all__ = ["locking", "read", "read_keys", "read_one"]

CHUNK = 500
"""How many keys one query names; every database takes as many."""


def read(
    model: type[Model], using: str, by: str, values: Iterable[Any], *, lock: bool = False
) -> Iterator[Any]:
    """Yield the rows whose ``by`` is among the values, locked where that is possible."""
    queryset = _locked(model, using) if lock else model._base_manager.using(using)
    for part in _parts(queryset, by, values):
        yield from part


def read_keys(model: type[Model], using: str, by: str, values: Iterable[Any]) -> Iterator[Any]:
    """Yield the primary keys of the rows whose ``by`` is among the values."""
    for part in _parts(model._base_manager.using(using), by, values):
        yield from part.values_list("pk", flat=True)


def _parts(queryset: QuerySet[Model], by: str, values: Iterable[Any]) -> Iterator[QuerySet[Model]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, CHUNK)):
        if len(chunk) == 1:
            yield queryset.filter(**{by: chunk[0]})
        else:
            yield queryset.filter(**{f"{by}__in": chunk})


def read_one(model: type[Model], using: str, pk: Any, *, lock: bool = False) -> Iterator[Any]:
    """Yield the row with this primary key, if there is one; faster than :func:`read`."""
    queryset = _locked(model, using) if lock else model._base_manager.using(using)
    connection = connections[using]
    query = prepared(queryset, connection, pk)
    if query is None:
        yield from queryset.filter(pk=pk)
    elif (row := query.row(connection, pk)) is not None:
        yield row


def locking(using: str) -> AbstractContextManager[Any]:
    """Return the transaction in which rows are locked before they are written.

    Without row locks there is none, for what SQLite does to a transaction that reads first
    (:func:`~dumper_purge.databases.bears_others`).
    """
    if connections[using].features.has_select_for_update:
        return transaction.atomic(using=using, savepoint=False)
    return nullcontext()


def _locked(model: type[Model], using: str) -> QuerySet[Model]:
    """Return all rows, locked as an UPDATE does, in the one order in which every writer does.

    Nothing is locked where a manager's query cannot be.
    """
    queryset = model._base_manager.using(using)
    connection, query = connections[using], queryset.query
    if not (connection.in_atomic_block and connection.features.has_select_for_update):
        return queryset
    if query.annotations or query.distinct or query.combinator:
        return queryset
    no_key = connection.features.has_select_for_no_key_update
    return queryset.select_related(None).order_by("pk").select_for_update(no_key=no_key)
