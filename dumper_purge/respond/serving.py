"""Stored pages as responses, and what a storable response says on its way out."""

import time
from collections.abc import Iterable

from django.http.response import HttpResponse, HttpResponseBase

from dumper_purge.respond import headers, tokens
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.headers import Outgoing
from dumper_purge.respond.keys import Address
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page_cache import Entry

__all__ = ["announce", "is_recent", "response_of", "with_tracking"]


def response_of(entry: Entry) -> HttpResponse:
    """Return a new response from a stored page, as the view made it."""
    response = HttpResponse(entry.content, "", entry.status, entry.reason)
    # The fields were checked when the view set them, and are kept as Django keeps them.
    response.headers._store = dict(entry.headers)
    return response


def aged(response: HttpResponseBase, entry: Entry) -> None:
    """Tell the age of a stored page, and count what browsers may keep from now."""
    age = max(0, int(time.time() - entry.created))
    response["Age"] = str(age)
    if entry.browser_ttl and age:
        left = entry.browser_ttl if entry.until is None else int(entry.until - time.time())
        own = parsed(response.get("Cache-Control", ""))
        response["Cache-Control"] = headers.browser_field(
            own, age + max(0, min(entry.browser_ttl, left))
        )


def announce(
    response: HttpResponseBase, entry: Entry, address: Address, layers: Layers, *, known: bool
) -> None:
    """Say to each edge in front of the host how long it may keep a page.

    ``known`` is whether the page's tokens are: without them it may be old.
    """
    edges = headers.edges_of(layers.edges, address.host)
    if not edges:
        return
    conf = layers.conf
    implied = len(address.route.tags)
    outgoing = Outgoing(
        ttl=entry.ttl if entry.until is None else max(0, int(entry.until - time.time())),
        grace=entry.grace,
        doubt_ttl=conf.doubt_ttl,
        doubtful=not known or is_recent(entry.tokens, conf.replica_lag, layers),
        lately_purged=known and is_recent(entry.tokens, conf.quarantine, layers),
        vary=frozenset(entry.vary),
        has_query=bool(address.query or address.tracking),
        implied_tags=entry.tags[:implied],
        own_tags=entry.tags[implied:],
    )
    said = headers.storable(edges, response.get("Cache-Control", ""), outgoing)
    for name, value in said.items():
        response[name] = value


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
