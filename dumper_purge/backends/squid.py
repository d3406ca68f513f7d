"""Squid with the files of this package (``squid/``), as an accelerator.

A purge covers one URL with its query, scheme and host, and of its variants the one that is stored
for ``accept_encoding``. The shipped files fetch every page with that one, and store no other Vary.
Tags, prefixes, patterns and everything cannot be purged: they are rejected, and the paths beside
them are purged.

Its lifetime is ``s-maxage`` in ``Cache-Control``: Squid 5 takes a page with ``max-age`` in
``Surrogate-Control`` for stale at once. Towards visitors the shipped files replace it, since the
caches of forward proxies would go by it. What spoils it in a configuration of your own:
``refresh_pattern`` with ``override-*`` or ``ignore-*``, stored variants, and a ``cache_dir`` of the
type ``rock``, from which purged pages come back with each restart (those of ``ufs`` do not).

Sources: https://wiki.squid-cache.org/SquidFaq/OperatingSquid, http://www.squid-cache.org/Doc/config/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.proxy import ProxyBackend
from dumper_purge.transport.pipelined import Answer, Request

__all__ = ["SquidBackend"]


@dataclass(frozen=True, kw_only=True)
class SquidBackend(ProxyBackend):
    """Purge one or several Squids, at the port of the store and not the one of the visitors."""

    schemes: tuple[str, ...] = ("http", "https")
    """Those of the stored URLs; one PURGE for each."""
    accept_encoding: str = "gzip"
    """The one that all pages are fetched with; "" for none."""
    server: str = "squid"
    """How the field Server of its own answers begins; "" where it is hidden."""

    ttl_header: ClassVar[str | None] = "Cache-Control"
    strips: ClassVar[frozenset[str]] = frozenset({"cache-control", "surrogate-control"})
    reads: ClassVar[frozenset[str]] = frozenset({"surrogate-control"})
    remedy: ClassVar[str] = (
        "check that LOCATION is the http_port of the store (squid/example.conf) and not the"
        " visitors', and that OPTIONS['token'] is the one of the acl dumper_purger"
    )
    instead: ClassVar[str] = "Squid removes one URL at a time. Name paths or URLs"

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        super().__post_init__()
        if not self.schemes or not set(self.schemes) <= {"http", "https"}:
            raise self.wrong("schemes", f"= {self.schemes!r} must be 'http', 'https' or both")
        coding = self.accept_encoding
        if not coding.isascii() or not coding.isprintable() or coding != coding.strip():
            raise self.wrong("accept_encoding", f"= {coding!r} must be '' or like 'gzip'")

    def requests_for(self, host: str, path: str) -> Iterator[Request]:
        """Yield one PURGE for each scheme."""
        coding = (("Accept-Encoding", self.accept_encoding),) if self.accept_encoding else ()
        for scheme in self.schemes:
            target = f"{scheme}://{host}{path}"
            yield Request(method="PURGE", target=target, host=host, headers=self.headers(*coding))

    def confirms(self, answer: Answer) -> bool:
        """Tell success: Squid itself says that the page was removed, or was not there."""
        server = answer.header("server") or ""
        return answer.status in {200, 404} and server.startswith(self.server.lower())

    def reason(self, answer: Answer) -> str:
        """Return Squid's name for the error as well."""
        error = (answer.header("x-squid-error") or "").upper()
        return f"{answer.reason} ({error})" if error else answer.reason
