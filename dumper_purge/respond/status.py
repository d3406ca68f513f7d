"""Cache-Status (RFC 9211): what this cache did with a request."""

import logging
import re
from typing import NamedTuple

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dumper_purge.respond import fields

__all__ = ["BYPASS", "HIT", "METHOD", "MISS", "Told", "tell"]

logger = logging.getLogger("dumper.respond")

HIT = "dumper; hit"
MISS = "dumper; fwd=miss"
BYPASS = "dumper; fwd=bypass"
METHOD = "dumper; fwd=method"

_OURS = re.compile(r'(?:^|, )dumper;(?:[^",]|"[^"]*")*$')


class Told(NamedTuple):
    """An outcome, why it came about, and under which key."""

    outcome: str
    detail: str = ""
    key: str = ""


def tell(
    request: HttpRequest, response: HttpResponseBase, told: Told, *, explained: bool = False
) -> None:
    """Log what was done with a request, and add it to the response's Cache-Status.

    ``explained``: visitors are told why.
    """
    detail = f" ({told.detail})" if told.detail else ""
    logger.debug("%s %r: %s%s", request.method, request.path, told.outcome, detail)
    _report(response, _explained(told) if explained else told.outcome)


def _report(response: HttpResponseBase, member: str) -> None:
    """Add our member to the response's Cache-Status.

    A response object that is sent again and again has one of ours already, which is replaced.
    """
    inner = fields.value(response, "cache-status")
    if inner:
        inner = _OURS.sub("", inner)
    fields.put(response, "Cache-Status", f"{inner}, {member}" if inner else member)


def _explained(told: Told) -> str:
    """Return a member that says more than visitors need to know."""
    return told.outcome + _parameter("detail", told.detail) + _parameter("key", told.key)


def _parameter(name: str, value: str) -> str:
    if not value:
        return ""
    printable = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in value)
    return f'; {name}="{printable}"'
