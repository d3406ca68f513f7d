"""Stored pages: found with one read of the cache, served only while no tag of theirs was purged.

The stored form is a tuple of built-in values, so that any release and any cache can read it. A
page that varies is stored under a key of its variant; under the address itself then stands a list
of what it varies on.
"""

import time
from typing import Any, NamedTuple

from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest

from dumper_purge.respond import hints, shared_cache
from dumper_purge.respond.address import Address, variant
from dumper_purge.respond.fence import Ticket
from dumper_purge.respond.generations import ANY
from dumper_purge.respond.hints import Hint
from dumper_purge.respond.layers import Layers

__all__ = ["StoredPage", "look_up", "remember", "store"]


class StoredPage(NamedTuple):
    """A stored page. Times are in seconds, since the epoch where they are moments."""

    status: int
    reason: str | None
    headers: dict[str, tuple[str, str]]
    """By their names in lower case, as Django's responses keep them."""
    content: bytes
    vary: tuple[str, ...]
    created: float
    until: float | None
    ttl: int
    browser_ttl: int | None
    grace: int
    tags: tuple[str, ...]
    tokens: tuple[str, ...]

    def seconds_left(self, now: float) -> int:
        """Return for how long it may still be used."""
        return self.ttl if self.until is None else max(0, int(self.until - now))


_SIZE = len(StoredPage._fields)


def look_up(request: HttpRequest, address: Address, layers: Layers) -> StoredPage | Ticket:
    """Return the page of a request, or else what a page must begin with to be stored.

    Raises what the cache raises.
    """
    route, cache = address.route, layers.generations.cache
    # Without a hint this is likely a miss, which also needs `any`.
    hint = hints.recall(address.key) or Hint((), (ANY,), (layers.generations.any_key,))
    key = variant(address, hint.vary, request, layers) if hint.vary else address.key
    value, *found = shared_cache.read(cache, (key, *route.keys, *hint.keys))
    if isinstance(value, list) and key is address.key:
        # What the page varies on.
        key = variant(address, tuple(value), request, layers)
        value = shared_cache.read(cache, (key,))[0]
    tags = route.tags + hint.own
    stored = _stored_page(value) if layers.page_cache else None
    if stored is not None and stored.tags == tags and stored.tokens == tuple(found):
        return stored
    search = _Search(address, layers, cache, dict(zip(tags, found, strict=True)))
    if stored is not None and search.is_fresh(stored):
        return stored
    return search.ticket()


def _stored_page(value: Any) -> StoredPage | None:
    if not isinstance(value, tuple) or len(value) != _SIZE:
        return None
    stored = StoredPage._make(value)
    return stored if stored.until is None or time.time() < stored.until else None


class _Search:
    """The tokens that one look-up has found, all of them read before the view."""

    __slots__ = ("_address", "_cache", "_known", "_layers")

    def __init__(
        self, address: Address, layers: Layers, cache: BaseCache, known: dict[str, str | None]
    ) -> None:
        self._address = address
        self._layers = layers
        self._cache = cache
        self._known = known

    def is_fresh(self, stored: StoredPage) -> bool:
        """Tell whether no tag of a page was purged, and remember its tags if so."""
        known = self._known
        unread = [tag for tag in stored.tags if tag not in known]
        if unread:
            keys = [self._layers.generations.key(tag) for tag in unread]
            known |= zip(unread, shared_cache.read(self._cache, keys), strict=True)
        if stored.tokens != tuple(map(known.get, stored.tags)):
            return False
        if unread or ANY in known:
            own = stored.tags[len(self._address.route.tags) :]
            remember(self._address, self._layers, stored.vary, own)
        return True

    def ticket(self) -> Ticket:
        """Return all tokens that were read. What is missing is late: few paths have pages."""
        generations, known = self._layers.generations, self._known
        any_token = known.pop(ANY, None) or generations.read((ANY,)).get(ANY)
        held = {tag: token for tag, token in known.items() if token is not None}
        return Ticket(generations, held, any_token, known.keys() - held)


def store(
    address: Address, request: HttpRequest, stored: StoredPage, layers: Layers, cache: BaseCache
) -> None:
    """Store a page. Raises what the cache raises."""
    timeout = None if stored.until is None else max(1, int(stored.until - stored.created))
    key = address.key
    if stored.vary:
        cache.set(key.plain, list(stored.vary), None)
        key = variant(address, stored.vary, request, layers)
    cache.set(key.plain, tuple(stored), timeout)


def remember(address: Address, layers: Layers, vary: tuple[str, ...], own: tuple[str, ...]) -> None:
    """Remember what a page turned out to depend on, for the next request."""
    keys = tuple(map(layers.generations.key, own))
    hints.remember(address.key, Hint(vary, own, keys))
