"""Cache-Status (RFC 9211): what this cache did with a request."""

import re

from django.http.response import HttpResponseBase

from dumper_purge.respond import fields

__all__ = ["BYPASS", "HIT", "METHOD", "MISS", "explained", "report"]

HIT = "dumper; hit"
MISS = "dumper; fwd=miss"
BYPASS = "dumper; fwd=bypass"
METHOD = "dumper; fwd=method"

_OURS = re.compile(r'(?:^|, )dumper;(?:[^",]|"[^"]*")*$')


def report(response: HttpResponseBase, member: str) -> None:
    """Add our member to the response's Cache-Status.

    A response object that is sent again and again has one of ours already, which is replaced.
    """
    inner = fields.value(response, "cache-status")
    if inner:
        inner = _OURS.sub("", inner)
    fields.put(response, "Cache-Status", f"{inner}, {member}" if inner else member)


def explained(member: str, detail: str, key: str = "") -> str:
    """Return a member that says more than visitors need to know."""
    return member + _parameter("detail", detail) + _parameter("key", key)


def _parameter(name: str, value: str) -> str:
    if not value:
        return ""
    printable = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in value)
    return f'; {name}="{printable}"'
