"""Watching a request on its way to the view, and the facts that follow for its response."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject, empty
from django.utils.http import parse_http_date_safe

from dumper_purge.respond import anonymous, fields
from dumper_purge.respond.address import Address
from dumper_purge.respond.cache_control import parsed
from dumper_purge.respond.conditional import CONDITIONS
from dumper_purge.respond.cookies import RecordingCookies
from dumper_purge.respond.layers import Layers
from dumper_purge.respond.page import Page
from dumper_purge.respond.policy import Facts
from dumper_purge.respond.recorded_meta import COOKIE, SECRET, RecordedMeta

__all__ = ["Observation"]

_CSP = ("content-security-policy", "content-security-policy-report-only")
_USERS = ("user", "_cached_user", "_acached_user")
_CSRF_MARK = "CSRF_COOKIE_NEEDS_UPDATE"


class Observation:
    """A request that may be stored, prepared so that what the view looks at is known."""

    __slots__ = (
        "_address", "_conditions", "_cookies", "_layers", "_meta", "_original_meta", "_request",
    )  # fmt: skip

    def __init__(self, request: HttpRequest, address: Address, layers: Layers) -> None:
        self._request = request
        self._address = address
        self._layers = layers
        self._conditions: dict[str, str] = {}
        self._cookies = RecordingCookies(request.COOKIES)
        self._original_meta = request.META
        self._meta = RecordedMeta(request.META)

    def start(self) -> None:
        """Hide from the view what would end up in everybody's page, and record the rest."""
        request, meta = self._request, self._meta
        request.COOKIES = self._cookies
        self._conditions = {name: meta.pop(name) for name in CONDITIONS if name in meta}
        meta.put_before(request)
        if meta.get("QUERY_STRING", "") != self._address.query:
            meta["QUERY_STRING"] = self._address.query
            request.GET = QueryDict(self._address.query)
        if self._layers.anonymous_sessions:
            anonymous.let_sessions_be_quiet(request)

    def end(self) -> None:
        """Give the request its conditional headers back."""
        self._meta.update(self._conditions)
        self._meta.put_back(self._request, self._original_meta)

    def visitor_is_known(self) -> bool:
        """Tell whether somebody was authenticated, by the session or otherwise."""
        return _authenticated(self._request)

    def session_was_read(self) -> bool:
        """Tell whether ``Vary: Cookie`` would have been added for the session."""
        return bool(self._session())

    def facts(
        self,
        response: HttpResponseBase,
        page: Page,
        *,
        collected_changes: bool,
        uncommitted: bool,
    ) -> Facts:
        """Return what the decision about a response depends on."""
        held = {name: value for name, (_, value) in fields.of(response).items()}
        own = held.get("cache-control")
        return Facts(
            status=response.status_code,
            streaming=response.streaming,
            sets_cookie=bool(response.cookies) or "set-cookie" in held,
            vary=_members(held.get("vary", "")),
            own=None if own is None else parsed(own),
            targeted=tuple(parsed(held[name]) for name in self._layers.targeted if name in held),
            expires_after=_seconds_to(held.get("expires")),
            cookies_read=frozenset(self._cookies.read - self._layers.harmless_cookies),
            session=self._session(),
            session_is_harmless=self._layers.anonymous_sessions,
            bypass_cookie=self._cookies.have_any(self._layers.bypass_cookies),
            cookie_header_read=COOKIE in self._meta.read,
            token_read=_CSRF_MARK in self._meta or SECRET in self._meta.read,
            authenticated=self.visitor_is_known(),
            messages_shown=_messages_shown(self._request),
            nonce=_has_nonce(self._request, held),
            ranged="HTTP_RANGE" in self._meta,
            redirects_to_itself=self._leads_here(held),
            undeclared_query=self._has_undeclared(page),
            collected_changes=collected_changes,
            uncommitted=uncommitted,
            spoiled=page.spoiled,
            never=page.never,
            ttl=page.ttl,
            browser_ttl=page.browser_ttl,
            grace=page.grace,
            time_left=_time_left(page.expires),
        )

    def _session(self) -> str:
        session = anonymous.session_of(self._request)
        if session is None:
            return ""
        if anonymous.was_written(session):
            return "written"
        return "read" if anonymous.was_read(session) else ""

    def _has_undeclared(self, page: Page) -> bool:
        if not self._address.query:
            return False
        declared = self._layers.declared if page.query is None else page.query
        return not declared.issuperset(QueryDict(self._address.query))

    def _leads_here(self, held: Mapping[str, str]) -> bool:
        target = held.get("location", "").partition("//")[2].partition("#")[0]
        if not target:
            return False
        query = f"?{self._address.query}" if self._address.query else ""
        here = f"{self._address.host}{self._address.route.path}{query}"
        return _without_default_port(target) == _without_default_port(here)


def _members(vary: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in vary.split(",") if name.strip())


def _without_default_port(target: str) -> str:
    host, slash, rest = target.partition("/")
    return host.lower().removesuffix(":80").removesuffix(":443") + slash + rest


def _seconds_to(expires: str | None) -> int | None:
    if expires is None:
        return None
    at = parse_http_date_safe(expires)
    return 0 if at is None else max(0, int(at - time.time()))


def _time_left(at: datetime | None) -> int | None:
    return None if at is None else max(0, int(at.timestamp() - time.time()))


def _has_nonce(request: HttpRequest, held: Mapping[str, str]) -> bool:
    # Django's own is true as soon as it was used, whatever the header then says.
    made = bool(request.__dict__.get("_csp_nonce"))
    return made or any("'nonce-" in held.get(name, "") for name in _CSP)


def _authenticated(request: HttpRequest) -> bool:
    return any(_is_somebody(request.__dict__.get(name)) for name in _USERS)


def _is_somebody(user: Any) -> bool:
    if isinstance(user, LazyObject):
        user = user._wrapped
    return user is not None and user is not empty and bool(getattr(user, "is_authenticated", False))


def _messages_shown(request: HttpRequest) -> bool:
    storage: Any = request.__dict__.get("_messages")
    if storage is None:
        return False
    return bool(storage.added_new or (storage.used and getattr(storage, "_loaded_data", True)))
