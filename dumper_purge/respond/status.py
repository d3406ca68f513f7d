"""Cache-Status (RFC 9211): what this cache did with a request."""

import logging
import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dumper_purge.respond import fields

__all__ = ["BYPASS", "HIT", "METHOD", "MISS", "tell"]

logger = logging.getLogger("dumper.respond")

HIT = "dumper; hit"
MISS = "dumper; fwd=miss"
BYPASS = "dumper; fwd=bypass"
METHOD = "dumper; fwd=method"

_OURS = re.compile(r'(?:^|, )dumper;(?:[^",]|"[^"]*")*$')


def tell(
    request: HttpRequest,
    response: HttpResponseBase,
    outcome: str,
    detail: str = "",
    key: str | None = None,
) -> None:
    """Log what was done with a request, and add it to the response's Cache-Status.

    Visitors are told why if there is a ``key``, be it empty.
    """
    logger.debug("%s %r: %s%s", request.method, request.path, outcome, detail and f" ({detail})")
    _report(response, outcome if key is None else _explained(outcome, detail, key))


def _report(response: HttpResponseBase, member: str) -> None:
    """Add our member to the response's Cache-Status.

    A response object that is sent again and again has one of ours already, which is replaced.
    """
    inner = fields.value(response, "cache-status")
    if inner:
        inner = _OURS.sub("", inner)
    fields.put(response, "Cache-Status", f"{inner}, {member}" if inner else member)


def _explained(outcome: str, detail: str, key: str) -> str:
    """Return a member that says more than visitors need to know."""
    return outcome + _parameter("detail", detail) + _parameter("key", key)


def _parameter(name: str, value: str) -> str:
    if not value:
        return ""
    printable = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in value)
    return f'; {name}="{printable}"'
