"""nginx with the files of this package (``nginx/``), or any other whose module can purge a URL.

A purge covers one host, path and query, whatever the scheme and the variant. Tags, prefixes,
patterns and everything cannot be purged: they are rejected, and the paths beside them are purged.
``wildcards=True`` changes that where the module takes ``*`` at the end: nginx Plus, and
``ngx_cache_purge`` from 2.4 on, each with a key that ends in the path.

What spoils it in a configuration of your own: a key other than ``$host$request_uri``, stored
variants (``Vary``), ``proxy_ignore_headers`` with ``Cache-Control`` or ``Set-Cookie``, and
``proxy_cache_valid`` for what says nothing of its lifetime.

Sources: https://github.com/FRiCKLE/ngx_cache_purge (Debian's module),
https://github.com/nginx-modules/ngx_cache_purge,
https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_purge
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.proxy import ProxyBackend
from dumper_purge.batch import PurgeBatch, literal_prefix
from dumper_purge.transport.grammar import TOKEN
from dumper_purge.transport.pipelined import Answer, Request

__all__ = ["NginxBackend"]

_PREFIX = re.compile(r"(?:/[\x21-\x7e]*[\x21-\x2e\x30-\x7e])?")


@dataclass(frozen=True, kw_only=True)
class NginxBackend(ProxyBackend):
    """Purge one or several nginx, at the listener for purges and not the one of the visitors."""

    method: str = "PURGE"
    path_prefix: str = ""
    """What stands before each path, such as ``/purge``."""
    success: tuple[int, ...] = (200, 204, 404, 412)
    proof: tuple[str, ...] = ("Successful purge", "<center>nginx", "<center>openresty")
    """One of these stands in each successful answer that has a body; []: none need be there."""
    wildcards: bool = False
    """``*`` at the end of a path purges all that begins so."""
    allow_everything: bool = True
    """Purge everything where nothing narrower exists, if ``wildcards`` are possible."""

    ttl_header: ClassVar[str | None] = "Surrogate-Control"
    strips: ClassVar[frozenset[str]] = frozenset({"surrogate-control"})
    remedy: ClassVar[str] = (
        "check that LOCATION is the listener with nginx/dumper_purge.conf and not the visitors',"
        " that OPTIONS['token'] is one of the map $dumper_purger, and that OPTIONS['success'] and"
        " ['proof'] are what the module answers"
    )
    instead: ClassVar[str] = (
        "nginx removes one URL at a time. Name paths or URLs, or set wildcards (and"
        " allow_everything) to True if its module can do that"
    )

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        super().__post_init__()
        if not TOKEN.fullmatch(self.method):
            raise self.wrong("method", f"= {self.method!r} is no HTTP method")
        if not _PREFIX.fullmatch(self.path_prefix):
            raise self.wrong("path_prefix", f"= {self.path_prefix!r} must be '' or like '/purge'")
        if not self.success or not all(200 <= status < 500 for status in self.success):
            raise self.wrong("success", f"= {self.success!r} must list statuses from 200 to 499")

    def requests_for(self, host: str, path: str) -> Iterator[Request]:
        """Yield the one request for a URL."""
        target = self.path_prefix + path
        yield Request(method=self.method, target=target, host=host, headers=self.headers())

    def requests_for_beginning(self, host: str, beginning: str) -> Iterator[Request]:
        """Yield the same with an asterisk."""
        yield from self.requests_for(host, f"{beginning}*")

    def beginnings(self, batch: PurgeBatch) -> tuple[frozenset[str], PurgeBatch]:
        """Return what wildcards purge."""
        if not self.wildcards:
            return super().beginnings(batch)
        loose = frozenset(regex for regex in batch.patterns if _beginning(regex) in {"", "/"})
        wide = PurgeBatch(tags=batch.tags, patterns=loose)
        if batch.everything or (wide and self.allow_everything):
            return frozenset({"/"}), PurgeBatch()
        return batch.prefixes | frozenset(map(_beginning, batch.patterns - loose)), wide

    def confirms(self, answer: Answer) -> bool:
        """Tell success; another server's page, of whatever status, is none."""
        text = answer.body.decode("latin-1")
        proven = not text or not self.proof or any(mark in text for mark in self.proof)
        return answer.status in self.success and proven


def _beginning(pattern: str) -> str:
    """Return with what all that a pattern matches begins, as it can stand in a request."""
    return re.split(r"[^\x21-\x7e]", literal_prefix(pattern))[0]
