"""What writes of many rows have in common: their purge, the limit, and what happens above it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from dumper_purge import conf
from dumper_purge.collect.change import Change
from dumper_purge.collect.collector import collect

__all__ = ["collected", "keys", "too_many", "unknown"]

logger = logging.getLogger("dumper.collect")


def keys(queryset: Any) -> list[Any]:
    """Return the primary keys of a queryset's rows; if they are too many, one above the limit."""
    found: Any = QuerySet.values_list(queryset, "pk", flat=True)
    found.query.select_for_update = False
    return list(found.order_by().distinct()[: conf.current().bulk_limit + 1])


@contextmanager
def collected(change: Change) -> Iterator[None]:
    """Purge what the block writes, also where it raises, in one transaction with it."""
    with transaction.atomic(using=change.using, savepoint=False):
        try:
            yield
        finally:
            collect(change.using, change.batch)


def too_many(change: Change, count: int, action: str) -> bool:
    """Purge broadly if a write of ``count`` rows is above the limit."""
    limit = conf.current().bulk_limit
    if not change or count <= limit:
        return count > limit
    change.give_up()
    model = change.plan.model
    logger.warning(
        "%s of %s touched %d rows or more: purging %s. Name what to purge then with"
        " register(%s, bulk=[...]), or raise DUMPER_BULK_LIMIT (%d).",
        action, model._meta.label, count, change.batch.build(), model.__name__, limit,
    )  # fmt: skip
    return True


def unknown(change: Change, action: str) -> None:
    """Purge broadly for rows of which Django does not tell which they are."""
    change.give_up()
    model = change.plan.model
    logger.warning(
        "%s rows of %s, and nothing tells which: purging %s. Name what to purge then with"
        " register(%s, bulk=[...]).",
        action, model._meta.label, change.batch.build(), model.__name__,
    )  # fmt: skip
