"""Stored pages: found with one read of the cache, served only while no tag of theirs was purged.

The stored form is a tuple of built-in values, so that any release and any cache can read it. A
page that varies is stored under a key of its variant; under the address itself then stands a list
of what it varies on.
"""

import time
from typing import Any, NamedTuple

from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest

from dumper_purge.respond import hints, primary
from dumper_purge.respond.fence import Ticket
from dumper_purge.respond.generations import ANY
from dumper_purge.respond.hints import Hint
from dumper_purge.respond.keys import Address, variant
from dumper_purge.respond.layers import Layers

__all__ = ["Entry", "look_up", "remember", "store"]


class Entry(NamedTuple):
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


def look_up(
    request: HttpRequest, address: Address, layers: Layers, cache: BaseCache
) -> Entry | Ticket:
    """Return the page of a request, or else what a page must begin with to be stored.

    Raises what the cache raises.
    """
    route, hint = address.route, hints.recall(address.key)
    if hint is None:
        # Likely a miss, which also needs `any`.
        key, more = address.key, (layers.generations.key(ANY),)
    else:
        key, more = address.key, hint.keys
        if hint.vary:
            key = variant(key, hint.vary, request)
    found = primary.read_many(cache, (key, *route.keys, *more))
    search = _Search(address, layers, cache, found, hint)
    if layers.page_cache:
        entry = search.unpacked(key, request)
        if entry is not None and search.is_fresh(entry):
            return entry
    return search.ticket()


class _Search:
    """What one look-up has found, all of it read before the view."""

    __slots__ = ("_address", "_cache", "_found", "_hint", "_layers", "_own")

    def __init__(
        self,
        address: Address,
        layers: Layers,
        cache: BaseCache,
        found: dict[str, Any],
        hint: Hint | None,
    ) -> None:
        self._address = address
        self._layers = layers
        self._cache = cache
        self._found = found
        self._hint = hint
        self._own: tuple[str, ...] = hint.own if hint else ()

    def unpacked(self, key: str, request: HttpRequest) -> Entry | None:
        """Return the page that was found, fresh or not."""
        stored = self._found.get(key)
        if isinstance(stored, list) and key == self._address.key:
            key = variant(key, tuple(stored), request)
            stored = primary.read_many(self._cache, (key,)).get(key)
        if isinstance(stored, tuple) and len(stored) == len(Entry._fields):
            return Entry._make(stored)
        return None

    def is_fresh(self, entry: Entry) -> bool:
        """Tell whether no tag of a page was purged and its time is not over."""
        route, found = self._address.route, self._found
        own = entry.tags[len(route.tags) :]
        if self._hint is not None and own == self._hint.own:
            keys = self._hint.keys
        else:
            self._own = own
            keys = tuple(map(self._layers.generations.key, own))
            found |= primary.read_many(self._cache, keys) if keys else {}
        for key, token in zip(route.keys + keys, entry.tokens, strict=True):
            if found.get(key) != token:
                return False
        if entry.until is not None and time.time() >= entry.until:
            return False
        hints.remember(self._address.key, Hint(entry.vary, own, keys))
        return True

    def ticket(self) -> Ticket:
        """Return all tokens that were read, adding those that are missing."""
        generations = self._layers.generations
        tags = (ANY, *self._address.route.tags, *self._own)
        known = {tag: self._found[key] for tag in tags if (key := generations.key(tag)) in self._found}
        if ANY not in known:
            known |= generations.read((ANY,))
        any_token = known.pop(ANY, None)
        missing = [tag for tag in tags[1:] if tag not in known]
        if missing:
            known |= generations.add(missing, any_token)
        return Ticket(generations, known, any_token)


def store(address: Address, request: HttpRequest, entry: Entry, cache: BaseCache) -> None:
    """Store a page. Raises what the cache raises."""
    timeout = None if entry.until is None else max(1, int(entry.until - entry.created))
    key = address.key
    if entry.vary:
        cache.set(key, list(entry.vary), None)
        key = variant(key, entry.vary, request)
    cache.set(key, tuple(entry), timeout)


def remember(address: Address, layers: Layers, vary: tuple[str, ...], own: tuple[str, ...]) -> None:
    """Remember what a page turned out to depend on, for the next request."""
    keys = tuple(map(layers.generations.key, own))
    hints.remember(address.key, Hint(vary, own, keys))
