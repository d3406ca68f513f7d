"""Cache-Status (RFC 9211): what this cache did with a request."""

from django.http.response import HttpResponseBase

from dumper_purge.respond import fields

__all__ = ["BYPASS", "HIT", "METHOD", "MISS", "report"]

HIT = "dumper; hit"
MISS = "dumper; fwd=miss"
BYPASS = "dumper; fwd=bypass"
METHOD = "dumper; fwd=method"


def report(response: HttpResponseBase, member: str, **parameters: str) -> None:
    """Add our member to the response's Cache-Status, with parameters if there are any."""
    for name, value in parameters.items():
        member += _parameter(name, value)
    inner = fields.value(response, "cache-status")
    fields.put(response, "Cache-Status", f"{inner}, {member}" if inner else member)


def _parameter(name: str, value: str) -> str:
    if not value:
        return ""
    printable = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in value)
    return f'; {name}="{printable}"'
