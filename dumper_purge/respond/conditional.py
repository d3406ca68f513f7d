"""Conditional requests (RFC 9110, section 13), answered from the finished response."""

import hashlib

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_http_date_safe

__all__ = ["answered", "is_conditional", "with_etag"]

_CONDITIONS = (
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
)
_OF_THE_CONTENT = frozenset({"content-type", "content-length", "content-encoding", "content-range"})


def with_etag(response: HttpResponse) -> None:
    """Give a response an ETag, unless the view gave it one."""
    if "ETag" not in response:
        response["ETag"] = f'"{hashlib.blake2b(response.content, digest_size=16).hexdigest()}"'


def is_conditional(request: HttpRequest) -> bool:
    """Tell whether the client already has a response."""
    return any(map(request.META.get, _CONDITIONS))


def answered(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response, or the 304 or 412 that stands for it."""
    etag = response.get("ETag")
    modified = response.get("Last-Modified")
    if not (etag or modified) or not is_conditional(request):
        return response
    last_modified = parse_http_date_safe(modified) if modified else None
    answer: HttpResponseBase = get_conditional_response(request, etag, last_modified, response)
    if answer is not response and answer.status_code == 304:
        # Every field that a stored response would be updated with (RFC 9111, section 4.3.4).
        for name, value in response.items():
            if name.lower() not in _OF_THE_CONTENT:
                answer[name] = value
        answer.headers.pop("Content-Type", None)
    if answer is not response:
        answer.cookies = response.cookies
    return answer
