"""One request that may be stored, and its response: from the look-up to the headers."""

import time
from collections.abc import Mapping

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from dumper_purge.respond import (
    announcing,
    conditional,
    fence,
    fields,
    gate,
    headers,
    page_cache,
    serving,
    status,
    tracking,
    transactions,
    trouble,
)
from dumper_purge.respond.address import Address, address
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.fence import Purged, Ticket
from dumper_purge.respond.layers import Layers, current_layers
from dumper_purge.respond.observation import Observation
from dumper_purge.respond.page import Page
from dumper_purge.respond.page_cache import StoredPage
from dumper_purge.respond.policy import Facts, decide, refused_by_visitor
from dumper_purge.respond.storing import Storing

__all__ = ["Bypass", "Exchange", "begin"]


def begin(request: HttpRequest, *, page_cache: bool = True) -> "Exchange | Bypass":
    """Return what the caches have to do with a request; with or without the page cache."""
    layers = current_layers() if page_cache else current_layers().without_page_cache
    reason = gate.bypass(request, layers)
    if reason is not None:
        return Bypass(request, reason, layers)
    where = address(request, layers)
    if isinstance(where, str):
        return Bypass(request, where, layers)
    return Exchange(request, where, layers)


class Exchange:
    """What the caches do with one request.

    Making one looks the page up; ``hit`` answers with it. Otherwise ``prepare`` goes before the
    view and ``finish`` after it: that decides, stores, and says how long others may keep the
    response. All of them may do I/O; none raises because of a cache.
    """

    __slots__ = (
        "_address", "_began", "_layers", "_observed", "_request", "_served", "_stored", "_ticket",
        "_uncommitted", "page",
    )  # fmt: skip

    def __init__(self, request: HttpRequest, address: Address, layers: Layers) -> None:
        self._began = time.monotonic()
        self._request = request
        self._address = address
        self._layers = layers
        self._stored: StoredPage | None = None
        self._ticket: Ticket | None = None
        self._served = False
        if layers.stores and fence.trusted():
            self._look_up(layers)

    def _look_up(self, layers: Layers) -> None:
        try:
            if layers.generations.are_shared:
                found = page_cache.look_up(self._request, self._address, layers)
                if isinstance(found, StoredPage):
                    self._stored = found
                else:
                    self._ticket = found
            else:
                trouble.cache_is_not_shared(layers.conf.cache_alias)
        except Exception as error:
            trouble.cache_failed(layers.conf.cache_alias, error)

    def page_found(self) -> HttpResponse | None:
        """Return the page that was found, if any, as the view made it."""
        if self._stored is None or self._observed.visitor_is_known():
            return None
        self._served = True
        return serving.response_of(self._stored)

    def hit(self) -> HttpResponseBase | None:
        """Return the page that was found, if any, as it is sent."""
        stored = self._stored
        return None if stored is None else self._hit(serving.response_of(stored), stored)

    def _hit(self, response: HttpResponseBase, stored: StoredPage) -> HttpResponseBase:
        now = time.time()
        if self._layers.edges:
            serving.tell_what_is_left(response, stored, now=now)
            self._announce(response, stored, now=now, known=True)
        else:
            serving.tell_age(response, stored, now=now)
        return self._sent(response, status.HIT, "")

    def prepare(self) -> None:
        """Make the request ready for the view."""
        self.page = Page()
        self._uncommitted = transactions.any_open()
        self._observed = Observation(self._request, self._address, self._layers)
        self._observed.start()

    def finish(self, response: HttpResponseBase, *, collected_changes: bool) -> HttpResponseBase:
        """Return the response as it is sent, stored where that is right."""
        self._observed.end()
        facts = self._observed.facts(
            response,
            self.page,
            collected_changes=collected_changes,
            uncommitted=self._uncommitted or transactions.any_open(),
        )
        stored = self._stored if self._served else None
        if stored:
            refusal = refused_by_visitor(facts) or serving.refused_as_changed(response, stored)
        else:
            refusal = self._store(response, facts)
        if refusal:
            if self._observed.session_was_read():
                patch_vary_headers(response, ("Cookie",))
            refuse(response, facts.own, self._layers)
        elif stored:
            return self._hit(response, serving.restored(response, stored, facts.vary))
        return self._sent(response, status.MISS, refusal)

    def _store(self, response: HttpResponseBase, facts: Facts) -> str:
        """Store the response where that is right; return why it may not be stored anywhere."""
        decision = decide(facts, self._layers.conf)
        if not decision.storable or not isinstance(response, HttpResponse):
            return decision.reason
        storing = Storing(self._request, response, self._address, self._ticket, self._layers)
        try:
            stored = storing.through_fence(decision, facts, self.page)
        except Purged as purged:
            return str(purged)
        if self._layers.edges:
            self._announce(response, stored, now=stored.created, known=storing.known)
        return ""

    def _announce(
        self, response: HttpResponseBase, stored: StoredPage, *, now: float, known: bool
    ) -> None:
        announcing.announce(response, stored, self._address, self._layers, now=now, known=known)
        for name in self._layers.elapsed_headers:
            fields.put(response, name, f"{time.monotonic() - self._began:.3f}")

    def _sent(self, response: HttpResponseBase, outcome: str, detail: str) -> HttpResponseBase:
        address = self._address
        if address.tracking and (location := fields.value(response, "location")):
            response["Location"] = tracking.with_tracking(location, address.tracking, address.host)
        key = address.key.plain if self._layers.debug else None
        status.tell(self._request, response, outcome, detail, key)
        return conditional.answered(self._request, response)


class Bypass:
    """A request that the caches have nothing to do with: its response is kept out of them."""

    __slots__ = ("_layers", "_reason", "_request")

    page = None

    def __init__(self, request: HttpRequest, reason: str, layers: Layers) -> None:
        self._request = request
        self._reason = reason
        self._layers = layers

    def page_found(self) -> None:
        """Find nothing."""

    def hit(self) -> None:
        """Find nothing."""

    def prepare(self) -> None:
        """Leave the request as it is."""

    def finish(self, response: HttpResponseBase, *, collected_changes: bool) -> HttpResponseBase:
        """Return the response, kept out of every cache."""
        reason, outcome = self._reason, status.BYPASS
        if reason is gate.METHOD:
            outcome = status.METHOD
        else:
            own = fields.value(response, "cache-control")
            said = None if own is None else parsed(own)
            # Fastly stores what is no more than "no-store"; it passes what is private.
            if said is None or reason is not gate.IGNORED or {"no-store", "no-cache"} & said.keys():
                refuse(response, said, self._layers)
        status.tell(self._request, response, outcome, reason, "" if self._layers.debug else None)
        return response


def refuse(
    response: HttpResponseBase, own: Mapping[str, str | None] | None, layers: Layers
) -> None:
    """Keep a response out of every cache; what the view itself said is kept where it agrees."""
    fields.put(response, "Cache-Control", headers.private_field(own))
    for name in layers.only_for_edges:
        fields.drop(response, name)
