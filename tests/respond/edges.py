"""Caches in front of the site, as headers see them."""

from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend

__all__ = ["Cloud", "Exact", "Front", "Ignorant", "Narrow", "Shield"]


class _Edge(BaseBackend):
    def send(self, batch, node):
        """Do nothing: these tests look at what responses say."""


@dataclass(frozen=True, kw_only=True)
class Shield(_Edge):
    """Like Varnish with this package's VCL and xkey."""

    bypasses_session_cookie: bool = True
    ttl_header: ClassVar[str | None] = "Surrogate-Control"
    tag_header: ClassVar[str | None] = "xkey"
    waits_for_fetches: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Ignorant(_Edge):
    """An edge that knows nothing of sessions."""

    ttl_header: ClassVar[str | None] = "Surrogate-Control"
    tag_header: ClassVar[str | None] = "Surrogate-Key"


@dataclass(frozen=True, kw_only=True)
class Exact(_Edge):
    """Like Varnish with this package's VCL and a PURGE for each URL."""

    bypasses_session_cookie: bool = True
    ttl_header: ClassVar[str | None] = "Surrogate-Control"
    covers_queries: ClassVar[bool] = False
    waits_for_fetches: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Cloud(_Edge):
    """Like Cloudflare."""

    bypasses_session_cookie: bool = True
    ttl_header: ClassVar[str | None] = "Cloudflare-CDN-Cache-Control"
    tag_header: ClassVar[str | None] = "Cache-Tag"
    tag_separator: ClassVar[str] = ","
    honoured_vary: ClassVar[frozenset[str] | None] = frozenset({"accept-encoding"})
    covers_queries: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Front(_Edge):
    """Like CloudFront."""

    bypasses_session_cookie: bool = True
    ttl_header: ClassVar[str | None] = "Cache-Control"
    tag_header: ClassVar[str | None] = "X-Tags"
    tag_separator: ClassVar[str] = ","


@dataclass(frozen=True, kw_only=True)
class Narrow(Ignorant):
    """An edge with a small budget for tags."""

    bypasses_session_cookie: bool = True
    max_tags: ClassVar[int] = 6
    max_tag_bytes: ClassVar[int] = 80
