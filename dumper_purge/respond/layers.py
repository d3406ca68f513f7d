"""What follows from the settings alone, worked out once for each of their states."""

import fnmatch
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.signals import setting_changed

from dumper_purge import backends, paths
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.page_cache import PageCacheBackend
from dumper_purge.conf import Conf, current
from dumper_purge.respond.generations import Generations
from dumper_purge.respond.shared_cache import Key

__all__ = ["Layers", "Route", "current_layers"]

_FORM = 1
"""The version of the stored form: raise it whenever that changes."""
_ROUTES = 4096
_LONG = 500
_LONG_VERSION = 40
_TARGETED = ("surrogate-control", "cdn-cache-control")


class Route(NamedTuple):
    """What follows from a path: its canonical form, its responses' tags and their keys."""

    path: str
    tags: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True, eq=False)
class Layers:
    """The caches in front of the views, and what they need to know of the settings."""

    conf: Conf = field(repr=False)
    backends: tuple[BaseBackend, ...] = field(repr=False)

    @cached_property
    def page_cache(self) -> bool:
        """Whether pages are stored in Django's cache."""
        return any(isinstance(backend, PageCacheBackend) for backend in self.backends)

    @cached_property
    def without_page_cache(self) -> "Layers":
        """The same, where no page is stored in Django's cache."""
        others = (each for each in self.backends if not isinstance(each, PageCacheBackend))
        return Layers(self.conf, tuple(others))

    @cached_property
    def edges(self) -> tuple[BaseBackend, ...]:
        """The caches that read from response headers how long they may keep a page."""
        return tuple(backend for backend in self.backends if backend.ttl_header)

    @cached_property
    def stores(self) -> bool:
        """Whether anything stores pages at all."""
        return self.page_cache or bool(self.edges)

    @cached_property
    def anonymous_sessions(self) -> bool:
        """Whether no layer answers a request with a session cookie from what it stored."""
        return all(backend.bypasses_session_cookie for backend in self.edges)

    @cached_property
    def bypass_cookies(self) -> frozenset[str]:
        """The cookies with which a request is bypassed."""
        names = (settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name)
        return frozenset(names).union(self.conf.bypass_cookies)

    @cached_property
    def harmless_cookies(self) -> frozenset[str]:
        """The cookies that a view may look at: they decide nothing, or bypass when present."""
        return self.bypass_cookies.union(self.conf.harmless_cookies)

    @cached_property
    def cookies_that_bypass(self) -> re.Pattern[str]:
        """Matches a Cookie header that has a bypass cookie."""
        names = "|".join(map(re.escape, self.bypass_cookies))
        return re.compile(rf"(?:^|;)\s*(?:{names})\s*=")

    @cached_property
    def targeted(self) -> frozenset[str]:
        """The fields, in lower case, by which a view may speak to the edges itself."""
        names = [edge.ttl_header.lower() for edge in self.edges if edge.ttl_header]
        return frozenset({*names, *_TARGETED} - {"cache-control"})

    @cached_property
    def only_for_edges(self) -> frozenset[str]:
        """The fields that a response which must not be stored does not have."""
        if not self.edges:
            return frozenset()
        tags = [edge.tag_header.lower() for edge in self.edges if edge.tag_header]
        return self.targeted.union(tags, map(str.lower, self.elapsed_headers))

    @cached_property
    def elapsed_headers(self) -> frozenset[str]:
        """The fields that tell edges how long Django had the request."""
        return frozenset(edge.elapsed_header for edge in self.edges if edge.elapsed_header)

    @cached_property
    def declared(self) -> frozenset[str]:
        """The query parameters that count."""
        return frozenset(self.conf.query_parameters)

    @cached_property
    def tracking(self) -> re.Pattern[str]:
        """Matches the names of the query parameters that never count."""
        globs = self.conf.tracking_parameters
        return re.compile("|".join(map(fnmatch.translate, globs)) or r"(?!)")

    @cached_property
    def debug(self) -> bool:
        """Whether visitors are told the reasons."""
        return bool(settings.DEBUG)

    @cached_property
    def behind_proxy(self) -> bool:
        """Whether host and scheme are told by a proxy."""
        return bool(
            settings.USE_X_FORWARDED_HOST
            or settings.USE_X_FORWARDED_PORT
            or settings.SECURE_PROXY_SSL_HEADER
        )

    @cached_property
    def allowed_hosts(self) -> list[str]:
        """The setting itself, which a site may add to while it runs."""
        return settings.ALLOWED_HOSTS

    @cached_property
    def addresses(self) -> dict[Any, Any]:
        """The addresses that were worked out already."""
        return {}

    @cached_property
    def generations(self) -> Generations:
        """The fence's tokens in the shared cache."""
        return Generations(self.conf)

    @cached_property
    def page_prefix(self) -> str:
        """What every stored page's key begins with."""
        version = self.conf.version
        if len(version) > _LONG_VERSION:
            version = hashlib.blake2b(version.encode(), digest_size=16).hexdigest()
        return f"{self.conf.key_prefix}p{_FORM}.{version}|"

    def route(self, path: str) -> Route:
        """Return what follows from a decoded path."""
        return self._known_route(path) if len(path) < _LONG else self._route(path)

    @cached_property
    def _known_route(self) -> Callable[[str], Route]:
        return lru_cache(_ROUTES)(self._route)

    def _route(self, path: str) -> Route:
        canonical = paths.encode_path(path)
        if not paths.is_canonical(canonical):
            return Route("", (), ())
        tags = (paths.EVERYTHING, paths.path_tag(canonical), *paths.prefix_tags(canonical))
        return Route(canonical, tags, tuple(map(self.generations.key, tags)))


_current: Layers | None = None


def current_layers() -> Layers:
    """Return the layers of the current settings."""
    global _current
    layers = _current
    conf = current()
    if layers is None or layers.conf is not conf:
        _current = layers = Layers(conf, backends.configured())
    return layers


def _forget(**kwargs: Any) -> None:
    global _current
    _current = None


setting_changed.connect(_forget, dispatch_uid="dumper_purge.layers")
