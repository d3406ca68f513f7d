"""A visit to the parlour by someone who also knows what each page should look like."""

import http.client
import re
import time
from contextlib import closing
from dataclasses import dataclass

from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve

__all__ = ["Shown", "fresh", "see"]

_RENDERED = re.compile(r'rendered-at="([0-9.]+)"[^<]*')


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One answer: what a visitor saw, who gave it, and how long it took."""

    path: str
    status: int
    content: str
    seconds: float
    source: str
    """``"render"``, ``"page cache"``, ``"Varnish"``, or ``"gone"`` for a page that is not there."""
    age: int
    fresh: bool


def see(host: str, path: str) -> Shown:
    """Return what a browser with an empty cache is shown, and whether a fresh render says so."""
    asked_at = time.time()
    began = time.perf_counter()
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
    seconds = time.perf_counter() - began
    content = _RENDERED.sub("", body) if response.status == 200 else ""
    return Shown(
        path=path,
        status=response.status,
        content=content,
        seconds=seconds,
        source=_source(response, body, asked_at),
        age=int(response.headers.get("Age", 0)),
        fresh=(response.status, content) == fresh(path),
    )


def _source(response: http.client.HTTPResponse, body: str, asked_at: float) -> str:
    if response.status != 200:
        return "gone"
    rendered = _RENDERED.search(body)
    if rendered is None or float(rendered[1]) >= asked_at:
        return "render"
    return "Varnish" if "varnish; hit" in response.headers["Cache-Status"] else "page cache"


def fresh(path: str) -> tuple[int, str]:
    """Return status and content of a page as its view alone gives it: no middleware, no cache."""
    match = resolve(path)
    try:
        response = match.func(RequestFactory().get(path), *match.args, **match.kwargs)
    except Http404:
        return 404, ""
    return response.status_code, _RENDERED.sub("", response.content.decode())
