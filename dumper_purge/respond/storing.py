"""A rendered page on its way into the page cache, through the fence."""

import time
from collections.abc import Collection
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponse

from dumper_purge.respond import announcing, conditional, fields, headers, page_cache, trouble
from dumper_purge.respond.address import Address
from dumper_purge.respond.fence import Purged, Ticket
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page import Page
from dumper_purge.respond.page_cache import StoredPage
from dumper_purge.respond.policy import Decision, Facts
from dumper_purge.respond.tags import collapsed

__all__ = ["Storing"]

_NOT_STORED = frozenset({"age", "cache-status", "connection", "keep-alive", "transfer-encoding"})


class Storing:
    """One storable response. ``through_fence`` may raise :class:`~.fence.Purged`."""

    __slots__ = ("_address", "_layers", "_request", "_response", "_ticket", "_tokens")

    def __init__(
        self,
        request: HttpRequest,
        response: HttpResponse,
        address: Address,
        ticket: Ticket | None,
        layers: Layers,
    ) -> None:
        self._request = request
        self._response = response
        self._address = address
        self._ticket = ticket
        self._layers = layers
        self._tokens: dict[str, str] = {}

    @property
    def known(self) -> bool:
        """Whether it is known that nothing the page depends on was purged meanwhile."""
        return bool(self._tokens)

    def through_fence(self, decision: Decision, facts: Facts, page: Page) -> StoredPage:
        """Store the page where that is right; return it as it would be stored."""
        implied = self._address.route.tags
        own = collapsed(page.tags.difference(implied))
        tags = (*implied, *sorted(own))
        self._read_tokens(tags)
        self._complete(decision, facts, own)
        stored = self._stored_page(decision, facts, tags)
        if self.known:
            page_cache.remember(self._address, self._layers, stored.vary, tags[len(implied) :])
            self._store(stored)
            self._recheck()
        return stored

    def _read_tokens(self, tags: tuple[str, ...]) -> None:
        if self._ticket is None:
            return
        try:
            self._tokens = self._ticket.tokens(tags)
        except Purged:
            raise
        except Exception as error:
            trouble.cache_failed(self._layers.conf.cache_alias, error)

    def _complete(self, decision: Decision, facts: Facts, own: Collection[str]) -> None:
        response = self._response
        if self._request.method == "GET":
            conditional.with_etag(response, own if self._layers.edges else ())
            fields.put(response, "Content-Length", str(len(response.content)))
        browser = headers.browser_field(facts.own, decision.browser_ttl)
        fields.put(response, "Cache-Control", browser)

    def _stored_page(self, decision: Decision, facts: Facts, tags: tuple[str, ...]) -> StoredPage:
        response: Any = self._response
        # Its data may be as old as the request: a render may outlast the replicas' lag.
        now = time.time() if self._ticket is None else self._ticket.began
        return StoredPage(
            status=response.status_code,
            reason=response._reason_phrase,
            headers={
                name: field
                for name, field in fields.of(response).items()
                if name not in _NOT_STORED
            },
            content=response.content,
            vary=tuple(sorted(facts.vary)),
            created=now,
            until=now + decision.ttl if decision.capped else None,
            ttl=decision.ttl,
            browser_ttl=decision.browser_ttl,
            grace=decision.grace,
            tags=tags,
            tokens=tuple(self._tokens.get(tag, "") for tag in tags),
        )

    def _store(self, stored: StoredPage) -> None:
        layers = self._layers
        lag = layers.conf.replica_lag
        lagging = announcing.is_recent(stored.tokens, lag, layers, now=stored.created)
        if not layers.page_cache or self._request.method != "GET" or lagging:
            return
        try:
            page_cache.store(self._address, self._request, stored, layers, layers.generations.cache)
        except Exception as error:
            trouble.cache_failed(layers.conf.cache_alias, error)

    def _recheck(self) -> None:
        # The page cache compares tokens at each hit. An edge keeps what it was sent.
        if not self._layers.edges or self._ticket is None:
            return
        try:
            self._ticket.recheck(self._tokens)
        except Purged:
            raise
        except Exception as error:
            self._tokens = {}
            trouble.cache_failed(self._layers.conf.cache_alias, error)
