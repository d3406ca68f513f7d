"""Stored pages as responses, and what a storable response says on its way out."""

import time
from collections.abc import Iterable
from types import NoneType

from django.http.cookie import SimpleCookie
from django.http.response import HttpResponse, HttpResponseBase, ResponseHeaders

from dumper_purge.respond import fields, headers, tokens
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.headers import Outgoing
from dumper_purge.respond.keys import Address
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page_cache import Entry

__all__ = ["announce", "is_recent", "response_of", "tell_age", "with_tracking"]


_EMPTY = vars(HttpResponse())
_SIMPLE = {
    name: value for name, value in _EMPTY.items() if isinstance(value, (NoneType, bool, int, str))
}
_IS_AS_KNOWN = _EMPTY.keys() - _SIMPLE.keys() == {
    "_container", "_resource_closers", "cookies", "headers",
}  # fmt: skip


def response_of(entry: Entry) -> HttpResponse:
    """Return a new response from a stored page, as the view made it."""
    if not _IS_AS_KNOWN:
        response = HttpResponse(entry.content, "", entry.status, entry.reason)
    else:
        # The constructor checks all that it is given, which was checked when the view made it.
        response = HttpResponse.__new__(HttpResponse)
        vars(response).update(
            _SIMPLE,
            _container=[entry.content],
            _reason_phrase=entry.reason,
            _resource_closers=[],
            cookies=SimpleCookie(),
            headers=ResponseHeaders.__new__(ResponseHeaders),
            status_code=entry.status,
        )
    fields.replace(response, entry.headers)
    return response


def tell_age(response: HttpResponseBase, entry: Entry) -> None:
    """Tell the age of a stored page, and let browsers count from now."""
    now = time.time()
    age = max(0, int(now - entry.created))
    fields.put(response, "Age", str(age))
    if entry.browser_ttl and age:
        left = entry.browser_ttl if entry.until is None else int(entry.until - now)
        own = parsed(fields.value(response, "cache-control") or "")
        browser_ttl = age + max(0, min(entry.browser_ttl, left))
        fields.put(response, "Cache-Control", headers.browser_field(own, browser_ttl))


def announce(
    response: HttpResponseBase,
    entry: Entry,
    address: Address,
    layers: Layers,
    *,
    now: float,
    known: bool,
) -> None:
    """Say to each edge in front of the host how long it may keep a page from now.

    ``known`` is whether the page's tokens are: without them it may be old.
    """
    edges = headers.edges_of(layers.edges, address.host)
    if not edges:
        return
    conf, implied = layers.conf, len(address.route.tags)
    outgoing = Outgoing(
        ttl=entry.ttl if entry.until is None else max(0, int(entry.until - now)),
        grace=entry.grace,
        doubt_ttl=conf.doubt_ttl,
        doubtful=not known or is_recent(entry.tokens, conf.replica_lag, layers),
        lately_purged=known and is_recent(entry.tokens, conf.quarantine, layers),
        vary=frozenset(entry.vary),
        has_query=bool(address.query or address.tracking),
        implied_tags=entry.tags[:implied],
        own_tags=entry.tags[implied:],
    )
    browser = fields.value(response, "cache-control") or ""
    for name, text in headers.storable(edges, browser, outgoing).items():
        fields.put(response, name, text)


def is_recent(held: Iterable[str], seconds: float, layers: Layers) -> bool:
    """Tell whether something was purged within so many seconds."""
    return seconds > 0 and layers.generations.age(tokens.newest(tuple(held))) < seconds


def with_tracking(location: str, tracking: str, host: str) -> str:
    """Return a redirect's target with the parameters that were hidden from the view."""
    here = location.startswith("/") and not location.startswith("//")
    if not here and location.partition("://")[2].partition("/")[0] != host:
        return location
    target, mark, fragment = location.partition("#")
    return f"{target}{'&' if '?' in target else '?'}{tracking}{mark}{fragment}"
