"""One request and its response, from the look-up to the headers."""

import logging
from collections.abc import Mapping

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from dumper_purge.respond import (
    conditional,
    fence,
    gate,
    headers,
    page_cache,
    serving,
    status,
    transactions,
    trouble,
)
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.fence import Purged, Ticket
from dumper_purge.respond.keys import Address, address
from dumper_purge.respond.layers import layers
from dumper_purge.respond.observation import Observation
from dumper_purge.respond.page import Page
from dumper_purge.respond.page_cache import Entry
from dumper_purge.respond.policy import Facts, decide, refused_by_visitor
from dumper_purge.respond.storing import Storing

__all__ = ["Exchange"]

logger = logging.getLogger("dumper.respond")


class Exchange:
    """What the caches do with one request.

    Making one looks the page up; ``hit`` answers with it. Otherwise ``prepare`` goes before the
    view and ``finish`` after it: that decides, stores, and says how long others may keep the
    response. All of them may do I/O; none raises because of a cache.
    """

    __slots__ = (
        "_address", "_bypass", "_entry", "_layers", "_observed", "_request", "_ticket",
        "_uncommitted", "page", "served",
    )  # fmt: skip

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._layers = layers()
        self._address: Address | None = None
        self._entry: Entry | None = None
        self._ticket: Ticket | None = None
        self._observed: Observation | None = None
        self._uncommitted = False
        self.served = False
        self.page = Page()
        bypass = gate.bypass(request, self._layers)
        if bypass is None:
            found = address(request, self._layers)
            if isinstance(found, str):
                bypass = found
            else:
                self._address = found
                self._look_up(found)
        self._bypass = bypass

    def _look_up(self, where: Address) -> None:
        site = self._layers
        if not site.stores or not fence.trusted():
            return
        try:
            cache = site.generations.cache
            if not site.generations.carries(cache):
                trouble.cache_is_not_shared(site.conf.cache_alias)
                return
            found = page_cache.look_up(self._request, where, site, cache)
        except Exception as error:
            trouble.cache_failed(site.conf.cache_alias, error)
            return
        if isinstance(found, Entry):
            self._entry = found
        else:
            self._ticket = found

    @property
    def found(self) -> bool:
        """Whether the page was in the page cache."""
        return self._entry is not None

    def page_found(self) -> HttpResponse:
        """Return the page that was found, as the view made it."""
        assert self._entry is not None
        self.served = True
        return serving.response_of(self._entry)

    def hit(self) -> HttpResponseBase:
        """Return the page that was found, as it is sent."""
        return self._hit(self.page_found())

    def _hit(self, response: HttpResponseBase) -> HttpResponseBase:
        entry, where = self._entry, self._address
        assert entry is not None and where is not None
        serving.aged(response, entry)
        serving.announce(response, entry, where, self._layers, known=True)
        return self._sent(response, where, status.HIT, "")

    def prepare(self) -> None:
        """Make the request ready for the view."""
        if self._address is not None:
            self._uncommitted = transactions.any_open()
            self._observed = Observation(self._request, self._address, self._layers)
            self._observed.start()

    def finish(self, response: HttpResponseBase, *, collected_changes: bool) -> HttpResponseBase:
        """Return the response as it is sent, stored where that is right."""
        where, observed = self._address, self._observed
        if where is None or observed is None:
            return self._bypassed(response)
        observed.end()
        facts = observed.facts(
            response,
            self.page,
            collected_changes=collected_changes,
            uncommitted=self._uncommitted or transactions.any_open(),
        )
        if self.served:
            reason = refused_by_visitor(facts)
        else:
            reason = self._stored(response, facts, where)
        if reason:
            if observed.session_was_read():
                patch_vary_headers(response, ("Cookie",))
            self._refuse(response, facts.own)
        elif self.served:
            return self._hit(response)
        return self._sent(response, where, status.MISS, reason)

    def _stored(self, response: HttpResponseBase, facts: Facts, where: Address) -> str:
        """Store the response; return why that was not right, if so."""
        decision = decide(facts, self._layers.conf)
        if not decision.storable or not isinstance(response, HttpResponse):
            return decision.reason
        storing = Storing(self._request, response, where, self._ticket, self._layers)
        try:
            entry = storing.through_fence(decision, facts, self.page)
        except Purged as purged:
            return str(purged)
        serving.announce(response, entry, where, self._layers, known=storing.known)
        return ""

    def _bypassed(self, response: HttpResponseBase) -> HttpResponseBase:
        reason = self._bypass or ""
        if reason == gate.METHOD:
            outcome = status.METHOD
        else:
            outcome = status.BYPASS
            own = response.get("Cache-Control")
            if own is None or reason != gate.IGNORED:
                self._refuse(response, None if own is None else parsed(own))
        logger.debug("%s %s: %s", self._request.method, self._request.path, reason)
        status.report(response, outcome, detail=reason)
        return response

    def _refuse(self, response: HttpResponseBase, own: Mapping[str, str | None] | None) -> None:
        response["Cache-Control"] = headers.private_field(own)
        for name in self._layers.only_for_edges:
            response.headers.pop(name, None)

    def _sent(
        self, response: HttpResponseBase, where: Address, outcome: str, reason: str
    ) -> HttpResponseBase:
        location = response.get("Location")
        if where.tracking and location:
            response["Location"] = serving.with_tracking(location, where.tracking, where.host)
        logger.debug("%s %s: %s %s", self._request.method, where.route.path, outcome, reason)
        status.report(response, outcome, detail=reason, key=where.key)
        return conditional.answered(self._request, response)
