"""The places of Django where every write of the ORM passes, and where reads are routed."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector
from django.db.utils import ConnectionRouter

from dumper_purge.collect import (
    autocommit,
    deletions,
    insertions,
    querysets,
    replicas,
    saves,
    transactions,
)

__all__ = ["start"]

_is_started = False


def start() -> None:
    """Watch all writes; models that are not registered pay one look into a dict."""
    global _is_started
    if _is_started:
        return
    _is_started = True
    places: tuple[tuple[Any, str, Any], ...] = (
        (Model, "save_base", saves.watch),
        (Model, "_save_table", autocommit.watch),
        (BaseDatabaseWrapper, "commit", transactions.watch_commit),
        (BaseDatabaseWrapper, "rollback", transactions.watch_rollback),
        (QuerySet, "update", querysets.watch_update),
        (QuerySet, "bulk_update", querysets.watch_bulk_update),
        (QuerySet, "bulk_create", insertions.watch_bulk_create),
        (Collector, "delete", deletions.watch),
        (ConnectionRouter, "db_for_read", replicas.watch),
    )
    for place, name, watch in places:
        setattr(place, name, watch(getattr(place, name)))
