"""What is wrong with the templates in OPTIONS, in words that name the value and the remedy."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from dumper_purge.backends.api.templates import PER_ITEM, PLACEHOLDER, Template, strings
from dumper_purge.transport.grammar import FIELD_VALUE, TOKEN

__all__ = ["OPERATIONS", "headers_problem", "problem"]

OPERATIONS: Mapping[str, frozenset[str]] = {
    "urls": PER_ITEM | {"items"},
    "tags": frozenset({"item", "items"}),
    "prefixes": PER_ITEM | {"items"},
    "hosts": frozenset({"item", "items", "host"}),
    "everything": frozenset(),
}
"""The operations, and the placeholders that each of them knows."""

_KEYS = frozenset(field.name for field in fields(Template))
_KINDS = {"method": str, "path": str, "headers": Mapping, "text": str, "separator": str}
_METHOD = re.compile(r"[A-Z]+")
_PATH = re.compile(r"(?:/|\{path\})[\x21-\x7e]*")
_SEPARATOR = re.compile(r"[\x20-\x7e\n]+")


def problem(name: str, option: Any, *, by_path: bool) -> str | None:
    """Return the first problem of an operation, if it has any; ``by_path``: there are no hosts."""
    if name not in OPERATIONS:
        return f"is unknown: use {', '.join(OPERATIONS)}"
    if not isinstance(option, Mapping):
        return f"= {option!r} must be a dict with 'path' and 'json', for example"
    known = OPERATIONS[name] - ({"host"} if by_path and name != "hosts" else set())
    found = (text for find in (_keys, _kinds, _forms) for text in find(option))
    return next(found, None) or next(_placeholders(known, option), None)


def headers_problem(headers: Mapping[Any, Any]) -> str | None:
    """Return what is wrong with secret headers, showing none of their values."""
    for name, value in headers.items():
        if not isinstance(name, str) or not TOKEN.fullmatch(name):
            return f"has {name!r}, which is no name of a header"
        if not isinstance(value, str) or not value or not FIELD_VALUE.fullmatch(value):
            return f"has {name!r} with a value that must be printable ASCII"
    return None


def _keys(option: Mapping[str, Any]) -> Iterator[str]:
    for key in option:
        if key not in _KEYS:
            yield f"has the unknown key {key!r}: use {', '.join(sorted(_KEYS))}"
    if "path" not in option:
        yield "has no 'path': write what comes after base_url, such as '/purge'"


def _kinds(option: Mapping[str, Any]) -> Iterator[str]:
    for key, kind in _KINDS.items():
        if key in option and not isinstance(option[key], kind):
            yield f"has {key!r} = {option[key]!r}, which must be a {kind.__name__.lower()}"
    for key in ("items", "bytes"):
        value = option.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield f"has {key!r} = {value!r}, which must be 1 or more"
    try:
        json.dumps(option.get("json"))
    except (TypeError, ValueError, RecursionError):
        yield "has 'json' that cannot be written as JSON: use dicts, lists, str and numbers"


def _forms(option: Mapping[str, Any]) -> Iterator[str]:
    template = Template(**option)
    if not _METHOD.fullmatch(template.method):
        yield f"has 'method' = {template.method!r}, which must be like 'POST'"
    if not _PATH.fullmatch(template.path) or "#" in template.path:
        yield (
            f"has 'path' = {template.path!r}, which must begin with '/' or '{{path}}', and be"
            " printable ASCII without a space and '#': percent-encode them"
        )
    wrong = headers_problem(template.headers)
    if wrong:
        yield f"'headers' {wrong}"
    if any(header.lower() in {"authorization", "cookie"} for header in template.headers):
        yield "has a secret in 'headers': put it into the option secret_headers"
    if template.json is not None and template.text is not None:
        yield "has both 'json' and 'text': a call has one body"
    if template.joins() and not _fits(template):
        yield (
            f"has 'separator' = {template.separator!r}, which must be printable ASCII, and fit a"
            " URL or a header if it stands there"
        )


def _fits(template: Template) -> bool:
    separator = template.separator
    if not _SEPARATOR.fullmatch(separator):
        return False
    in_header = any("{items}" in value for value in template.headers.values())
    in_url = "{items}" in template.path
    return not (in_header and "\n" in separator) and not (
        in_url and re.search(r"[\s#&?/%]", separator)
    )


def _placeholders(known: frozenset[str], option: Mapping[str, Any]) -> Iterator[str]:
    template = Template(**option)
    texts = [template.path, template.text or "", *template.headers.values()]
    texts += strings(template.json)
    found = {word for text in texts for word in PLACEHOLDER.findall(text)}
    for word in sorted(found - known):
        hint = " or ".join(f"{{{each}}}" for each in sorted(known)) or "no placeholder"
        yield f"has {{{word}}}, and knows {hint}"
    if known and not found:
        yield "names nothing that is purged: put {item} or {items} somewhere"
    alone = found & PER_ITEM if template.items > 1 else set()
    if alone and not _repeats(template, alone):
        word = min(alone)
        yield (
            f"has {{{word}}}, and 'items' = {template.items}: set it to 1, or use {{items}}, or"
            f" ['{{{word}}}'] in 'json'"
        )


def _repeats(template: Template, words: set[str]) -> bool:
    """Tell whether all that stands for one item stands in lists that are repeated for each."""
    places = [template.path, template.text or "", *template.headers.values()]
    places += _unrepeated(template.json)
    return not any(set(PLACEHOLDER.findall(text)) & words for text in places)


def _unrepeated(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return
    if isinstance(value, (Mapping, list, tuple)):
        members = value.values() if isinstance(value, Mapping) else value
        for member in members:
            yield from _unrepeated(member)
    else:
        yield from strings(value)
