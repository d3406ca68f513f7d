"""Stored pages as responses, and what a storable response says on its way out."""

from collections.abc import Iterable
from typing import Any, cast

from django.http.cookie import SimpleCookie
from django.http.response import HttpResponse, HttpResponseBase, ResponseHeaders
from django.utils.cache import patch_vary_headers

from dumper_purge.respond import fields, headers, tokens
from dumper_purge.respond.cache_control import lifetime, parsed
from dumper_purge.respond.headers import Outgoing
from dumper_purge.respond.keys import Address
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page_cache import Entry

__all__ = [
    "announce",
    "changed",
    "is_recent",
    "response_of",
    "restored",
    "tell_age",
    "tell_what_is_left",
    "with_tracking",
]


_IS_AS_KNOWN = vars(HttpResponse(b"", "text/html")).keys() == {
    "_charset", "_container", "_handler_class", "_reason_phrase", "_resource_closers", "closed",
    "cookies", "headers",
}  # fmt: skip


def response_of(entry: Entry) -> HttpResponse:
    """Return a new response from a stored page, as the view made it."""
    if not _IS_AS_KNOWN:
        response = HttpResponse(entry.content, "", entry.status, entry.reason)
        fields.replace(response, entry.headers)
        return response
    # The constructor checks all that it is given, which was checked when the view made it.
    made: Any = HttpResponse.__new__(HttpResponse)
    made.headers = ResponseHeaders.__new__(ResponseHeaders)
    made.headers._store = dict(entry.headers)
    made.cookies = SimpleCookie()
    made.status_code = entry.status
    made.closed = False
    made._charset = None
    made._container = [entry.content]
    made._handler_class = None
    made._reason_phrase = entry.reason
    made._resource_closers = []
    return cast(HttpResponse, made)


def changed(response: HttpResponseBase, entry: Entry) -> str:
    """Return why a response is not the stored page any more that the view would have made."""
    is_same = (
        response.status_code == entry.status and getattr(response, "content", None) == entry.content
    )
    return "" if is_same else "middleware changed the stored page"


def restored(response: HttpResponseBase, entry: Entry, vary: frozenset[str]) -> Entry:
    """Give a stored page its own fields back, which middleware may have decided anew.

    What a view tells middleware by attributes of its response is not stored. ``vary`` is what
    the response varies on now; nothing is taken from that. Return the entry that varies on it too.
    """
    fields.replace(response, entry.headers)
    added = vary.difference(entry.vary)
    if not added:
        return entry
    patch_vary_headers(response, sorted(added))
    return entry._replace(vary=tuple(sorted(vary.union(entry.vary))))


def tell_age(response: HttpResponseBase, entry: Entry, *, now: float) -> None:
    """Tell the age of a stored page, and let browsers count from now."""
    age = max(0, int(now - entry.created))
    fields.put(response, "Age", str(age))
    if entry.browser_ttl and age:
        _limit_browsers(response, age + min(entry.browser_ttl, _left(entry, now)))


def tell_what_is_left(response: HttpResponseBase, entry: Entry, *, now: float) -> None:
    """Tell no age: some edges would subtract it from what is left already."""
    own = parsed(fields.value(response, "cache-control") or "")
    _limit_browsers(response, min(lifetime(own, "max-age") or 0, _left(entry, now)))


def _left(entry: Entry, now: float) -> int:
    return entry.ttl if entry.until is None else max(0, int(entry.until - now))


def _limit_browsers(response: HttpResponseBase, seconds: int) -> None:
    own = parsed(fields.value(response, "cache-control") or "")
    fields.put(response, "Cache-Control", headers.browser_field(own, seconds))


def announce(
    response: HttpResponseBase,
    entry: Entry,
    address: Address,
    layers: Layers,
    *,
    now: float,
    known: bool,
) -> None:
    """Say to each edge how long it may keep a page from now.

    ``known`` is whether the page's tokens are: without them it may be old.
    """
    conf, implied = layers.conf, len(address.route.tags)
    outgoing = Outgoing(
        ttl=_left(entry, now),
        grace=entry.grace,
        doubt_ttl=conf.doubt_ttl,
        doubtful=not known or is_recent(entry.tokens, conf.replica_lag, layers, now=now),
        lately_purged=known and is_recent(entry.tokens, conf.quarantine, layers, now=now),
        vary=frozenset(entry.vary),
        has_query=bool(address.query or address.tracking),
        implied_tags=entry.tags[:implied],
        own_tags=entry.tags[implied:],
    )
    browser = fields.value(response, "cache-control") or ""
    said = headers.storable(layers.edges, address.host, browser, outgoing)
    for name, text in said.items():
        fields.put(response, name, text)


def is_recent(held: Iterable[str], seconds: float, layers: Layers, *, now: float) -> bool:
    """Tell whether something was purged within so many seconds before ``now``."""
    return seconds > 0 and layers.generations.age(tokens.newest(tuple(held)), now) < seconds


def with_tracking(location: str, tracking: str, host: str) -> str:
    """Return a redirect's target with the parameters that were hidden from the view."""
    here = location.startswith("/") and not location.startswith("//")
    if not here and location.partition("://")[2].partition("/")[0] != host:
        return location
    target, mark, fragment = location.partition("#")
    return f"{target}{'&' if '?' in target else '?'}{tracking}{mark}{fragment}"
