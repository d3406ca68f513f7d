"""Cache-Status (RFC 9211): what this cache did with a request."""

from django.conf import settings
from django.http.response import HttpResponseBase

__all__ = ["report"]

HIT = "hit"
MISS = "fwd=miss"
BYPASS = "fwd=bypass"
METHOD = "fwd=method"


def report(response: HttpResponseBase, outcome: str, *, detail: str = "", key: str = "") -> None:
    """Add our member to the response's Cache-Status; detail and key only with ``DEBUG``."""
    member = f"dumper; {outcome}"
    if settings.DEBUG:
        member += _parameter("detail", detail) + _parameter("key", key)
    inner = response.get("Cache-Status")
    response["Cache-Status"] = f"{inner}, {member}" if inner else member


def _parameter(name: str, value: str) -> str:
    if not value:
        return ""
    printable = "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in value)
    return f'; {name}="{printable}"'
