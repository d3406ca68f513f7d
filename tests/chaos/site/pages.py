"""The parlour's views as a busy site has them: data are read at once, the answer comes later."""

import functools
import time
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

import dumper_purge as dumper
from demo.icecream.models import Flavour, Size

__all__ = ["slow"]

SLOWEST = 10.0
View = Callable[..., HttpResponse]


def slow(view: View) -> View:
    """Sleep as long as ``Chaos-Slow`` says after reading; half of it before the tags are known."""

    @functools.wraps(view)
    def sleeping(request: HttpRequest, **arguments: Any) -> HttpResponse:
        pause = min(float(request.headers.get("Chaos-Slow", 0)), SLOWEST) / 2
        rows = _rows_shown(arguments.get("slug"), view.__name__)
        try:
            response = view(request, **arguments)
        except Http404:
            response = HttpResponse("There is none.", status=404)
        time.sleep(pause)
        dumper.tag(*map(dumper.object_tag, rows))
        time.sleep(pause)
        return response

    return sleeping


def _rows_shown(slug: str | None, name: str) -> list[Flavour | Size]:
    """Return the rows that a page shows and whose own paths do not lead to it."""
    if name == "index":
        return list(Size.objects.all())
    if name == "flavour":
        flavours = Flavour.objects.filter(slug=slug)
        return [*flavours, *Size.objects.filter(flavours__in=flavours)]
    if name == "size":
        sizes = Size.objects.filter(slug=slug)
        return [*sizes, *Flavour.objects.filter(sizes__in=sizes)]
    return []
