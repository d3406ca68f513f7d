"""Stored pages as responses."""

from typing import Any, cast

from django.http.cookie import SimpleCookie
from django.http.response import HttpResponse, HttpResponseBase, ResponseHeaders
from django.utils.cache import patch_vary_headers

from dumper_purge.respond import fields, headers
from dumper_purge.respond.cache_control import lifetime, parsed
from dumper_purge.respond.page_cache import StoredPage

__all__ = ["refused_as_changed", "response_of", "restored", "tell_age", "tell_what_is_left"]

_IS_AS_KNOWN = vars(HttpResponse(b"", "text/html")).keys() == {
    "_charset", "_container", "_handler_class", "_reason_phrase", "_resource_closers", "closed",
    "cookies", "headers",
}  # fmt: skip


def response_of(stored: StoredPage) -> HttpResponse:
    """Return a new response from a stored page, as the view made it."""
    if not _IS_AS_KNOWN:
        response = HttpResponse(stored.content, "", stored.status, stored.reason)
        fields.replace(response, stored.headers)
        return response
    # The constructor checks all that it is given, which was checked when the view made it.
    made: Any = HttpResponse.__new__(HttpResponse)
    made.headers = ResponseHeaders.__new__(ResponseHeaders)
    made.headers._store = dict(stored.headers)
    made.cookies = SimpleCookie()
    made.status_code = stored.status
    made.closed = False
    made._charset = None
    made._container = [stored.content]
    made._handler_class = None
    made._reason_phrase = stored.reason
    made._resource_closers = []
    return cast(HttpResponse, made)


def refused_as_changed(response: HttpResponseBase, stored: StoredPage) -> str:
    """Return why a response is not the stored page any more that the view would have made."""
    is_same = (
        response.status_code == stored.status
        and getattr(response, "content", None) == stored.content
    )
    return "" if is_same else "middleware changed the stored page"


def restored(response: HttpResponseBase, stored: StoredPage, vary: frozenset[str]) -> StoredPage:
    """Give a stored page its own fields back, which middleware may have decided anew.

    What a view tells middleware by attributes of its response is not stored. ``vary`` is what
    the response varies on now; nothing is taken from that. Return the page that varies on it too.
    """
    fields.replace(response, stored.headers)
    added = vary.difference(stored.vary)
    if not added:
        return stored
    patch_vary_headers(response, sorted(added))
    return stored._replace(vary=tuple(sorted(vary.union(stored.vary))))


def tell_age(response: HttpResponseBase, stored: StoredPage, *, now: float) -> None:
    """Tell the age of a stored page, and let browsers count from now."""
    age = max(0, int(now - stored.created))
    fields.put(response, "Age", str(age))
    if stored.browser_ttl and age:
        _limit_browsers(response, age + min(stored.browser_ttl, stored.seconds_left(now)))


def tell_what_is_left(response: HttpResponseBase, stored: StoredPage, *, now: float) -> None:
    """Tell no age: some edges would subtract it from what is left already."""
    own = parsed(fields.value(response, "cache-control") or "")
    _limit_browsers(response, min(lifetime(own, "max-age") or 0, stored.seconds_left(now)))


def _limit_browsers(response: HttpResponseBase, seconds: int) -> None:
    own = parsed(fields.value(response, "cache-control") or "")
    fields.put(response, "Cache-Control", headers.browser_field(own, seconds))
