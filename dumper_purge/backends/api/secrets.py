"""The secrets in OPTIONS, which an API may repeat in what it answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from urllib.parse import quote

from dumper_purge.backends.base import BaseBackend

__all__ = ["masked"]


def masked(backend: BaseBackend, text: str) -> str:
    """Return a text with asterisks in the place of the secrets of a backend."""
    for secret in _secrets(backend):
        for shape in _shapes(secret):
            text = text.replace(shape, "***")
    return text


def _secrets(backend: BaseBackend) -> Iterator[str]:
    """Yield the values of the options that nothing may show, and of "Bearer abc" also "abc"."""
    for field in fields(backend):
        value = getattr(backend, field.name)
        if not field.repr and value:
            several = value.values() if isinstance(value, Mapping) else value
            for each in map(str, (value,) if isinstance(value, (str, int, float)) else several):
                yield from (each, *each.split()[1:])


def _shapes(secret: str) -> frozenset[str]:
    """Return a secret as it is, and as JSON or a URL may repeat it."""
    escaped = json.dumps(secret)[1:-1]
    return frozenset({secret, quote(secret, safe=""), escaped, escaped.replace("/", "\\/")} - {""})
