"""The versions of rows: what the database has, and what a page shows."""

import re
from collections.abc import Iterable
from typing import Any

from demo.icecream.models import Flavour, Notice, Size

__all__ = ["GONE", "flavours", "shown", "versions"]

GONE = 1_000_000_000
"""The version of a row that was deleted."""

_FLAVOUR = re.compile(r"No (\d+)\b(?:(?!No \d).)*?€ (\d+)\.(\d\d)", re.DOTALL)
_SIZE = re.compile(r"Size (\d+)(?:</a>)?, (\d+) ml")
_NOTICE = re.compile(r"Notice (\d+)")


def flavours(pks: Iterable[int]) -> dict[str, Any]:
    """Return the versions and the slugs of flavours; one that is not there is gone."""
    pks = list(pks)
    rows = {row.pk: row for row in Flavour.objects.filter(pk__in=pks)}
    return {
        "versions": {f"flavour {pk}": rows[pk].cents if pk in rows else GONE for pk in pks},
        "slugs": {pk: row.slug for pk, row in rows.items()},
    }


def versions(*, sizes: Iterable[int] = (), notice: bool = False) -> dict[str, Any]:
    """Return the versions of sizes, and of the notice."""
    found = {f"size {size.pk}": size.millilitres for size in Size.objects.filter(pk__in=sizes)}
    if notice:
        found |= shown(Notice.objects.get().text)
    return {"versions": found, "slugs": {}}


def shown(text: str) -> dict[str, int]:
    """Return the versions that a page shows, by the names of the rows."""
    found = {f"flavour {pk}": int(whole + cents) for pk, whole, cents in _FLAVOUR.findall(text)}
    found |= {f"size {pk}": int(version) for pk, version in _SIZE.findall(text)}
    notice = _NOTICE.search(text)
    return found | {"notice": int(notice[1])} if notice else found
