"""The tables of the models, in SQLite's memory, and rows in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from django.db import connection

if TYPE_CHECKING:
    from tests.bench.plain.models import Flavour

__all__ = ["flavours", "tables"]

F = TypeVar("F", bound="Flavour")


@contextmanager
def tables(*models: type[Flavour]) -> Iterator[None]:
    """Have these tables for the length of the block."""
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in models:
                editor.delete_model(model)


def flavours(model: type[F], count: int) -> Sequence[F]:
    """Write and return ``count`` rows."""
    for number in range(count):
        model(
            name=f"Flavour {number}",
            slug=f"flavour-{number}",
            shop=f"shop-{number}",
            description="Made this morning from milk, sugar and very little else. " * 8,
        ).save()
    return list(model._default_manager.order_by("pk"))
