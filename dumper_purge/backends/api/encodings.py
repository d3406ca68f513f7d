"""How a value is written into a place of a call, so that it cannot break out of it."""

from collections.abc import Callable
from json import dumps
from typing import TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape

__all__ = ["Encoding", "as_part", "as_path", "as_plain", "encoding_of"]

Encoding: TypeAlias = Callable[[str], str]

_IN_PATH = "/:@!$&'()*+,;=~-._%"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def as_part(value: str) -> str:
    """Return a value as one segment of a URL's path, or in its query."""
    return quote(value, safe="")


def as_path(value: str) -> str:
    """Return a canonical path as it is, in a URL."""
    return quote(value, safe=_IN_PATH)


def as_plain(value: str) -> str:
    """Return a value in a header: no line ends in it."""
    return quote(value, safe=_PRINTABLE)


def encoding_of(content_type: str) -> Encoding:
    """Return how values are written into a text of a type."""
    if "x-www-form-urlencoded" in content_type:
        return as_part
    if "json" in content_type:
        return _as_json
    return _as_xml if "xml" in content_type else as_plain


def _as_json(value: str) -> str:
    return dumps(as_plain(value))[1:-1]


def _as_xml(value: str) -> str:
    return escape(as_plain(value), {'"': "&quot;", "'": "&apos;"})
