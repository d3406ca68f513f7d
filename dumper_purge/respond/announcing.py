"""What a storable response says to the edges on its way out."""

from collections.abc import Iterable

from django.http.response import HttpResponseBase

from dumper_purge.respond import fields, headers, tokens
from dumper_purge.respond.address import Address
from dumper_purge.respond.headers import Outgoing
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page_cache import StoredPage

__all__ = ["announce", "is_recent"]


def announce(
    response: HttpResponseBase,
    stored: StoredPage,
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
        ttl=stored.seconds_left(now),
        grace=stored.grace,
        doubt_ttl=conf.doubt_ttl,
        doubtful=not known or is_recent(stored.tokens, conf.replica_lag, layers, now=now),
        lately_purged=known and is_recent(stored.tokens, conf.quarantine, layers, now=now),
        vary=frozenset(stored.vary),
        has_query=bool(address.query or address.tracking),
        implied_tags=stored.tags[:implied],
        own_tags=stored.tags[implied:],
    )
    browser = fields.value(response, "cache-control") or ""
    said = headers.storable(layers.edges, address.host, browser, outgoing)
    for name, text in said.items():
        fields.put(response, name, text)


def is_recent(held: Iterable[str], seconds: float, layers: Layers, *, now: float) -> bool:
    """Tell whether something was purged within so many seconds before ``now``."""
    return seconds > 0 and layers.generations.age(tokens.newest(tuple(held)), now) < seconds
