"""Conditional requests (RFC 9110, section 13), answered from the finished response."""

import hashlib
from collections.abc import Iterable
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_http_date_safe

from dumper_purge.respond import fields

__all__ = ["CONDITIONS", "answered", "with_etag"]

CONDITIONS = frozenset({
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
})  # fmt: skip
_OF_THE_CONTENT = frozenset({"content-type", "content-length", "content-encoding", "content-range"})


def with_etag(response: HttpResponse, tags: Iterable[str]) -> None:
    """Give a response an ETag, unless the view gave it one.

    It is another for other tags, as a 304 brings some edges (Akamai) no new ones.
    """
    if "etag" not in fields.of(response):
        digest = hashlib.blake2b(response.content, digest_size=16)
        digest.update(" ".join(sorted(tags)).encode())
        fields.put(response, "ETag", f'"{digest.hexdigest()}"')


def answered(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response, or the 304 or 412 that stands for it."""
    if request.META.keys().isdisjoint(CONDITIONS):
        return response
    etag = fields.value(response, "etag")
    modified = fields.value(response, "last-modified")
    if not etag and not modified:
        return response
    seconds = parse_http_date_safe(modified) if modified else None
    answer = cast(
        HttpResponseBase,
        get_conditional_response(request, etag, seconds, cast(HttpResponse, response)),
    )
    if answer is not response:
        # Every field that a stored response would be updated with (RFC 9111, section 4.3.4).
        kept = fields.of(response).items()
        fields.replace(answer, {name: f for name, f in kept if name not in _OF_THE_CONTENT})
        answer.cookies = response.cookies
    return answer
