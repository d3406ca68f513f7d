"""What is wrong with the OPTIONS of an API, beyond their types."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.transport.grammar import VISIBLE

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["check_options", "secrets", "shapes", "wrong"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ABOVE_ZERO = ("connect_timeout", "read_timeout", "concurrency", "max_items")


def secrets(backend: "ApiBackend") -> Iterator[str]:
    """Yield the values of the options that nothing may show, and of "Bearer abc" also "abc"."""
    for field in fields(backend):
        value = getattr(backend, field.name)
        if not field.repr and value:
            several = value.values() if isinstance(value, Mapping) else value
            for each in map(str, (value,) if isinstance(value, (str, int, float)) else several):
                yield from (each, *each.split()[1:])


def shapes(secret: str) -> frozenset[str]:
    """Return a secret as it is, and as JSON or a URL may repeat it."""
    escaped = json.dumps(secret)[1:-1]
    return frozenset({secret, quote(secret, safe=""), escaped, escaped.replace("/", "\\/")} - {""})


def check_options(backend: "ApiBackend") -> None:
    """Raise ImproperlyConfigured with alias, option and remedy."""
    _check_values(backend)
    _check_base_url(backend)
    _check_package(backend)
    if backend.location:
        raise ImproperlyConfigured(
            f"DUMPER_BACKENDS[{backend.alias!r}]['LOCATION'] must be left out: an API has no nodes."
        )
    if not (backend.tag_header or backend.by_path or backend.hosts):
        raise ImproperlyConfigured(
            f"DUMPER_BACKENDS[{backend.alias!r}]['HOSTS'] must list the site's hosts: without tags,"
            " absolute URLs are purged."
        )


def _check_values(backend: "ApiBackend") -> None:
    for field in fields(backend):
        value = getattr(backend, field.name)
        if not field.repr and isinstance(value, str) and not VISIBLE.fullmatch(value):
            raise wrong(backend, field.name, "must be printable ASCII without a space")
    for name in _ABOVE_ZERO:
        if getattr(backend, name) <= 0:
            raise wrong(backend, name, f"= {getattr(backend, name)!r} must be above 0")
    if backend.soft and not backend.soft_is_possible:
        raise wrong(backend, "soft", "must be False: this cache knows no soft purge")
    if not backend.schemes or not set(backend.schemes) <= {"http", "https"}:
        raise wrong(backend, "schemes", f"= {backend.schemes!r} must be 'http', 'https' or both")


def wrong(backend: "ApiBackend", option: str, problem: str) -> ImproperlyConfigured:
    """Return the error for one option."""
    return ImproperlyConfigured(
        f"DUMPER_BACKENDS[{backend.alias!r}]['OPTIONS'][{option!r}] {problem}."
    )


def _check_base_url(backend: "ApiBackend") -> None:
    parts = urlsplit(backend.base_url)
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.hostname:
        raise wrong(backend, "base_url", "must be like 'https://api.example.com', with no secret")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise wrong(backend, "base_url", f"= {backend.base_url!r} must begin with https://")


def _check_package(backend: "ApiBackend") -> None:
    if backend.needs and not _is_there(backend.needs[0]):
        module, extra = backend.needs
        raise ImproperlyConfigured(
            f"DUMPER_BACKENDS[{backend.alias!r}] needs {module}: run"
            f" pip install 'django-dumper-purge[{extra}]'."
        )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # The package that the module would be in.
        return False
