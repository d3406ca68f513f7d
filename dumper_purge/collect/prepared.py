"""One row by its primary key, with the query that Django makes of it kept for the next time.

Making the query costs three times as much as carrying it out, and every save that tracks changes
needs it once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

__all__ = ["PreparedRead", "prepared"]

_ATTRIBUTE = "_dumper_purge_reads"


@dataclass(frozen=True, kw_only=True)
class PreparedRead:
    """A query for one row, on one connection."""

    model: type[Model]
    sql: str
    attnames: tuple[str, ...]
    converters: tuple[tuple[int, list[Callable[..., Any]], Any], ...]

    def row(self, connection: Any, pk: Any) -> Any:
        """Return the row, or None."""
        key = self.model._meta.pk
        value = key.get_db_prep_value(key.get_prep_value(pk), connection, prepared=True)
        with connection.cursor() as cursor:
            cursor.execute(self.sql, (value,))
            columns = cursor.fetchone()
        if columns is None:
            return None
        values = list(columns)
        for position, converters, expression in self.converters:
            for converter in converters:
                values[position] = converter(values[position], expression, connection)
        return self.model.from_db(connection.alias, self.attnames, values)


def prepared(queryset: Any, connection: Any, pk: Any) -> PreparedRead | None:
    """Return the query for the row of ``queryset`` with this key; None where Django must make it.

    That is where a manager, a relation or an expression may have a say in it.
    """
    known: dict[Any, PreparedRead | None] = vars(connection).setdefault(_ATTRIBUTE, {})
    key = (queryset.model, queryset.query.select_for_update)
    if key not in known:
        known[key] = _prepare(queryset, connection, pk)
    return known[key]


def _prepare(queryset: Any, connection: Any, pk: Any) -> PreparedRead | None:
    meta = queryset.model._meta
    is_plain = type(queryset) is QuerySet and queryset._iterable_class is ModelIterable
    if not is_plain or meta.pk.is_relation or not meta.pk.column or queryset.query.select_related:
        return None
    compiler = queryset.filter(pk=pk).query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    columns = [column for column, _, _ in compiler.select]
    if len(params) != 1 or compiler.annotation_col_map or queryset.query.deferred_loading[0]:
        return None
    return PreparedRead(
        model=queryset.model,
        sql=sql,
        attnames=tuple(column.target.attname for column in columns),
        converters=tuple(
            (position, converters, expression)
            for position, (converters, expression) in compiler.get_converters(columns).items()
        ),
    )
