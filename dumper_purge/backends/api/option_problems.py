"""What is wrong with the OPTIONS of an API, beyond their types."""

import importlib.util
from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.transport.grammar import VISIBLE

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["check_options"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ABOVE_ZERO = ("connect_timeout", "read_timeout", "concurrency", "max_items")


def check_options(backend: "ApiBackend") -> None:
    """Raise ImproperlyConfigured with alias, option and remedy."""
    _check_values(backend)
    _check_base_url(backend)
    _check_package(backend)
    if backend.location:
        raise backend.wrong("location", "must be left out: an API has no nodes")
    if not (backend.tag_header or backend.by_path or backend.hosts):
        raise backend.wrong(
            "hosts", "must list the site's hosts: without tags, absolute URLs are purged"
        )


def _check_values(backend: "ApiBackend") -> None:
    for field in fields(backend):
        value = getattr(backend, field.name)
        if not field.repr and isinstance(value, str) and not VISIBLE.fullmatch(value):
            raise backend.wrong(field.name, "must be printable ASCII without a space")
    for name in _ABOVE_ZERO:
        if getattr(backend, name) <= 0:
            raise backend.wrong(name, f"= {getattr(backend, name)!r} must be above 0")
    if backend.soft and not backend.soft_is_possible:
        raise backend.wrong("soft", "must be False: this cache knows no soft purge")
    if not backend.schemes or not set(backend.schemes) <= {"http", "https"}:
        raise backend.wrong("schemes", f"= {backend.schemes!r} must be 'http', 'https' or both")


def _check_base_url(backend: "ApiBackend") -> None:
    parts = urlsplit(backend.base_url)
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.hostname:
        raise backend.wrong("base_url", "must be like 'https://api.example.com', with no secret")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise backend.wrong("base_url", f"= {backend.base_url!r} must begin with https://")


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
