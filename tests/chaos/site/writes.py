"""Every kind of write, each a POST to ``/chaos/write/`` that answers with what is committed.

A flavour's price in cents, a size's millilitres and the number in the notice are versions: each
write adds one, in the database, so that they follow the order of the commits.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt

from demo.icecream.models import Flavour, Notice, Size
from dumper_purge.deliver import delivery
from tests.chaos.site.moments import meeting
from tests.chaos.site.versions import GONE, flavours, versions

__all__ = ["idle", "write"]

Changed = Iterable[int]


class _ChangedMind(Exception):
    """Rolls a transaction back."""


@csrf_exempt
def write(request: HttpRequest) -> JsonResponse:
    """Carry out one write; 409 if the database refused it."""
    order = json.loads(request.body)
    try:
        with meeting(order.pop("fate", None)):
            shown = _OPERATIONS[order.pop("operation")](**order)
    except (IntegrityError, OperationalError) as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse(shown)


def idle(request: HttpRequest) -> JsonResponse:
    """Tell whether this process has nothing left to deliver."""
    return JsonResponse({"idle": not delivery.finish(0.01)})


def _save(pk: int) -> dict[str, Any]:
    with transaction.atomic():
        flavour = get_object_or_404(Flavour, pk=pk)
        flavour.cents = F("cents") + 1
        flavour.save()
        return flavours([pk])


def _save_in_autocommit(pk: int) -> dict[str, Any]:
    flavour = get_object_or_404(Flavour, pk=pk)
    flavour.cents = F("cents") + 1
    flavour.save(update_fields=["cents"])
    return flavours([pk])


def _rename(pk: int, slug: str) -> dict[str, Any]:
    with transaction.atomic():
        flavour = get_object_or_404(Flavour, pk=pk)
        flavour.slug, flavour.cents = slug, F("cents") + 1
        flavour.save()
        return flavours([pk])


def _rename_by_query(pk: int, slug: str) -> dict[str, Any]:
    with transaction.atomic():
        Flavour.objects.filter(pk=pk).update(slug=slug, cents=F("cents") + 1)
        return flavours([pk])


def _add(slug: str, sizes: list[int]) -> dict[str, Any]:
    with transaction.atomic():
        flavour = Flavour.objects.create(name="?", slug=slug, description="New.", cents=1)
        Flavour.objects.filter(pk=flavour.pk).update(name=f"No {flavour.pk}")
        flavour.sizes.set(sizes)
        return flavours([flavour.pk])


def _add_many(slugs: list[str]) -> dict[str, Any]:
    with transaction.atomic():
        rows = [Flavour(name="?", slug=slug, description="One of many.", cents=1) for slug in slugs]
        rows = Flavour.objects.bulk_create(rows)
        for row in rows:
            row.name = f"No {row.pk}"
        Flavour.objects.bulk_update(rows, ["name"])
        return flavours([row.pk for row in rows])


def _delete(pk: int) -> dict[str, Any]:
    with transaction.atomic():
        Flavour.objects.filter(pk=pk).delete()
    return {"versions": {f"flavour {pk}": GONE}, "slugs": {}}


def _link(pk: int, size: int, *, reverse: bool) -> dict[str, Any]:
    """Put a flavour on sale in a size, or take it off, from either side."""
    flavour, sold_in = get_object_or_404(Flavour, pk=pk), get_object_or_404(Size, pk=size)
    manager, row = (sold_in.flavours, flavour) if reverse else (flavour.sizes, sold_in)
    with transaction.atomic():
        if manager.filter(pk=row.pk).exists():
            manager.remove(row)
        else:
            manager.add(row)
    return flavours([])


def _raise_prices(pks: list[int]) -> dict[str, Any]:
    Flavour.objects.filter(pk__in=pks).order_by("pk").update(cents=F("cents") + 1)
    return flavours(pks)


def _change_size(pk: int, slug: str) -> dict[str, Any]:
    with transaction.atomic():
        size = get_object_or_404(Size, pk=pk)
        size.slug, size.millilitres = slug, F("millilitres") + 1
        size.save()
        return versions(sizes=[pk])


def _change_notice() -> dict[str, Any]:
    with transaction.atomic():
        notice = Notice.objects.select_for_update().get()
        notice.text = f"Notice {int(notice.text.split()[-1]) + 1}"
        notice.save()
        return versions(notice=True)


def _roll_back(pk: int, slug: str) -> dict[str, Any]:
    try:
        with transaction.atomic():
            _rename(pk, slug)
            raise _ChangedMind
    except _ChangedMind:
        return flavours([])


def _roll_back_a_part(pk: int, other: int, slug: str) -> dict[str, Any]:
    """Save one flavour; what is done to another in a savepoint before is rolled back."""
    with transaction.atomic():
        _roll_back(other, slug)
        return _save(pk)


_OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "save": _save,
    "save in autocommit": _save_in_autocommit,
    "rename": _rename,
    "rename by query": _rename_by_query,
    "add": _add,
    "add many": _add_many,
    "delete": _delete,
    "link": _link,
    "raise prices": _raise_prices,
    "change size": _change_size,
    "change notice": _change_notice,
    "roll back": _roll_back,
    "roll back a part": _roll_back_a_part,
}
