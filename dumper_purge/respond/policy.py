"""Whether a response is the same for everyone, and for how long: one pure function."""

from collections.abc import Mapping
from typing import NamedTuple

from dumper_purge.conf import Conf
from dumper_purge.respond.cache_control import lifetime

__all__ = ["Decision", "Facts", "decide", "refused_by_visitor"]

Directives = Mapping[str, str | None]

_KEEP_OUT = ("private", "no-store", "no-cache")


class Facts(NamedTuple):
    """All that the decision depends on: what the request did, the response is, the view said."""

    status: int = 200
    streaming: bool = False
    sets_cookie: bool = False
    vary: frozenset[str] = frozenset()
    """The members of Vary, in lower case."""
    own: Directives | None = None
    """The view's own Cache-Control, None without one."""
    targeted: tuple[Directives, ...] = ()
    """The view's own CDN-Cache-Control, Surrogate-Control and the like."""
    expires_after: int | None = None
    """Seconds to the view's own Expires, 0 for one that cannot be read."""
    cookies_read: frozenset[str] = frozenset()
    """The cookies that were looked at and may differ between visitors."""
    session: str = ""
    """What was done to the session: nothing, "read" or "written"."""
    session_is_harmless: bool = False
    """Whether reading it is: no layer answers a request that has one."""
    bypass_cookie: bool = False
    """Whether the request has a cookie that should have bypassed everything."""
    cookie_header_read: bool = False
    token_read: bool = False
    authenticated: bool = False
    """Whether it is known who the visitor is, be it by other means than a session."""
    messages_shown: bool = False
    nonce: bool = False
    ranged: bool = False
    """Whether the request asked for a part."""
    redirects_to_itself: bool = False
    undeclared_query: bool = False
    collected_changes: bool = False
    uncommitted: bool = False
    spoiled: str = ""
    never: bool = False
    ttl: int | None = None
    browser_ttl: int | None = None
    grace: int | None = None
    time_left: int | None = None
    """Seconds until the moment that ``expires()`` named."""


class Decision(NamedTuple):
    """What may be done with a response. Times are in seconds, from when it was rendered."""

    storable: bool
    reason: str
    ttl: int = 0
    capped: bool = False
    """Whether the page ends by time, not only by a purge."""
    browser_ttl: int | None = 0
    """None: what the view's own headers say."""
    grace: int = 0


def decide(facts: Facts, conf: Conf) -> Decision:
    """Return what may be done with a response, and why."""
    reason = (
        _refused_by_view(facts)
        or _refused_by_kind(facts, conf)
        or refused_by_visitor(facts)
        or _refused_by_data(facts)
    )
    if reason:
        return Decision(storable=False, reason=reason)
    ttl, capped = _ttl(facts, conf)
    if ttl <= 0:
        return Decision(storable=False, reason="it is over at once")
    return Decision(
        storable=True,
        reason="the same for everyone",
        ttl=ttl,
        capped=capped,
        browser_ttl=_browser_ttl(facts, conf, ttl),
        grace=conf.grace if facts.grace is None else facts.grace,
    )


def _refused_by_view(facts: Facts) -> str:
    if facts.never:
        return "the view is never_edge"
    if facts.spoiled:
        return facts.spoiled
    for directives in (facts.own or {}, *facts.targeted):
        for name in _KEEP_OUT:
            if name in directives:
                return f"the view says {name}"
    return ""


def _refused_by_kind(facts: Facts, conf: Conf) -> str:
    if facts.status not in conf.statuses:
        return f"status {facts.status}"
    if facts.streaming:
        return "a streaming response"
    if facts.ranged:
        return "the request asks for a range"
    if facts.redirects_to_itself:
        return "a redirect that differs only in scheme"
    if facts.undeclared_query:
        return "a query parameter was not declared"
    return ""


def refused_by_visitor(facts: Facts) -> str:
    """Return what makes a response a visitor's own, if anything does."""
    return _refused_by_session(facts) or _refused_by_request(facts) or _refused_by_headers(facts)


def _refused_by_session(facts: Facts) -> str:
    if facts.session == "written":
        return "the session was written"
    if facts.session and not facts.session_is_harmless:
        return "the session was read"
    if facts.authenticated:
        return "the user was authenticated"
    if facts.messages_shown:
        return "messages"
    return ""


def _refused_by_request(facts: Facts) -> str:
    if facts.bypass_cookie:
        return "the request has a session, message or bypass cookie"
    if facts.cookie_header_read:
        return "the Cookie header was read"
    if facts.token_read:
        return "a CSRF token was read"
    if facts.cookies_read:
        return f"the cookie {min(facts.cookies_read)} was read"
    return ""


def _refused_by_headers(facts: Facts) -> str:
    if facts.sets_cookie:
        return "Set-Cookie"
    if facts.nonce:
        return "a nonce"
    for name in ("cookie", "*"):
        if name in facts.vary:
            return f"Vary: {name}"
    return ""


def _refused_by_data(facts: Facts) -> str:
    if facts.collected_changes:
        return "the request changed data"
    if facts.uncommitted:
        return "a transaction was open"
    return ""


def _ttl(facts: Facts, conf: Conf) -> tuple[int, bool]:
    said = facts.ttl
    if said is None:
        said = _said_by_view(facts)
    if said is None:
        said = conf.statuses[facts.status]
    ttl = conf.ttl if said is None else said
    if facts.time_left is not None:
        ttl = min(ttl, facts.time_left)
    return ttl, said is not None or facts.time_left is not None


def _said_by_view(facts: Facts) -> int | None:
    said = [lifetime(directives, "max-age") for directives in facts.targeted]
    if facts.own is not None:
        said.append(lifetime(facts.own, "s-maxage", "max-age"))
    if said.count(None) == len(said):
        return facts.expires_after
    return min(seconds for seconds in said if seconds is not None)


def _browser_ttl(facts: Facts, conf: Conf, ttl: int) -> int | None:
    if facts.browser_ttl is not None:
        return min(facts.browser_ttl, ttl)
    if "max-age" in (facts.own or {}) or facts.expires_after is not None:
        return None
    return min(conf.browser_ttl, ttl)
