"""Calls as users write them in OPTIONS: templates, filled so that no item can break out of one.

Placeholders are ``{item}`` (a tag, a URL, a host), ``{host}`` and ``{path}`` of a URL, and
``{items}``, all items of a call. What is put in is encoded for its place:

- the path of the URL: everything that is not unreserved is percent-encoded, ``/`` included; only
  ``{path}`` stays as it is. A result with ``.`` or ``..`` between slashes is not sent;
- the query of the URL: everything that is not unreserved is percent-encoded;
- a header: what is not printable ASCII is percent-encoded, so that no line ends;
- ``json``: strings are quoted by the encoder. The string ``"{items}"`` becomes the list of items,
  and a list of one template is repeated for each item: ``["{host}{path}"]``;
- ``text``: by its Content-Type, for forms, JSON and XML; otherwise as in a header.

Elsewhere ``{items}`` are joined with ``separator``; an item that has it in itself is not sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from dumper_purge.backends.api.encodings import Encoding, as_part, as_path, as_plain, encoding_of
from dumper_purge.transport.pooled import Call

__all__ = ["PER_ITEM", "PLACEHOLDER", "Template", "strings"]

PLACEHOLDER = re.compile(r"\{(\w+)\}")
PER_ITEM = frozenset({"item", "host", "path"})
_LOCATED = re.compile(r"https?://([^/]*)(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One operation of an API; its fields are the keys that it has in OPTIONS."""

    method: str = "POST"
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    text: str | None = None
    separator: str = ","
    items: int = 1
    """How many a call may have."""
    bytes: int = 1_000_000
    """How many bytes of them."""

    def fill(self, items: Sequence[str]) -> Call:
        """Return the call that purges items; without any, the call that purges everything."""
        values = _Values(items, self.separator)
        path, mark, query = self.path.partition("?")
        return Call(
            method=self.method,
            path=values.put(path, as_part, whole_path=as_path) + mark + values.put(query, as_part),
            headers={name: values.put(value, as_plain) for name, value in self.headers.items()},
            json=values.put_json(self.json),
            text=None if self.text is None else values.put(self.text, self._encoding()),
        )

    def unfit(self, items: Sequence[str]) -> str | None:
        """Return why items cannot be put in, if so."""
        mark = self.separator.strip() or self.separator
        if self.joins() and any(mark in item for item in items):
            return f"has the separator {mark!r} in it"
        segments = unquote(self.fill(items).path.partition("?")[0]).split("/")
        return "makes a path with '.' or '..'" if {".", ".."} & set(segments) else None

    def joins(self) -> bool:
        """Tell whether items are joined to one text."""
        return any("{items}" in text and text != "{items}" for text in strings(self.json)) or any(
            "{items}" in text for text in (self.path, self.text or "", *self.headers.values())
        )

    def _encoding(self) -> Encoding:
        names = {name.lower(): value for name, value in self.headers.items()}
        return encoding_of(names.get("content-type", ""))


class _Values:
    """What the placeholders stand for in one call."""

    def __init__(self, items: Sequence[str], separator: str) -> None:
        self._items = items
        self._separator = separator

    def put(self, text: str, encode: Encoding, *, whole_path: Encoding | None = None) -> str:
        """Fill a text, encoding each value."""
        if not self._items:
            return text
        values = {name: encode(value) for name, value in _values_of(self._items[0]).items()}
        if whole_path:
            values["path"] = whole_path(_values_of(self._items[0])["path"])
        values["items"] = self._separator.join(map(encode, self._items))
        return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)

    def put_json(self, value: Any) -> Any:
        """Fill the strings of a JSON value."""
        if value == "{items}":
            return list(self._items)
        if isinstance(value, str):
            return self.put(value, str)
        if isinstance(value, Mapping):
            return {key: self.put_json(member) for key, member in value.items()}
        if isinstance(value, (list, tuple)):
            return list(self._repeated(value))
        return value

    def _repeated(self, members: Sequence[Any]) -> Iterator[Any]:
        found = {name for text in strings(members) for name in PLACEHOLDER.findall(text)}
        if len(members) == 1 and found & PER_ITEM:
            for item in self._items:
                yield _Values([item], self._separator).put_json(members[0])
        else:
            yield from map(self.put_json, members)


def strings(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value, its keys not included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from strings(member)


def _values_of(item: str) -> dict[str, str]:
    located = _LOCATED.fullmatch(item)
    alone = ("", item) if item.startswith("/") else (item, "")
    host, path = located.groups() if located else alone
    return {"item": item, "host": host, "path": path}
