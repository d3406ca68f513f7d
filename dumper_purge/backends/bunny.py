"""bunny.net: one tag or one URL in a call.

The cache key is the path alone, until *Caching > Vary Cache* of the zone adds more: ``findings()``
reads these settings. A purge by tag covers all queries, hosts and variants; one by URL covers
one query. The header ``Vary`` is ignored, so that what varies is not stored there.

Limits are per account: 120 calls at once and 5/s, but 20 and 0.5/s for wildcards and for URLs that
end in ``/``, as Django's do; for tags no rate is published. Several zones share them: give each
backend its part with ``rate`` and ``burst``. What is too much is answered with 429, and sent later.

Sources: https://docs.bunny.net/api-reference/core/purge/purge-url,
https://docs.bunny.net/docs/cdn-api-purge-rate-limits, https://docs.bunny.net/cdn/purge-cache
(``CDN-Tag``: 1,024 bytes), https://docs.bunny.net/cdn/vary-cache, and the README of bunny.net's
adapter for Astro, which sends ``s-maxage`` and tags with commas between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.exceptions import Rejected
from dumper_purge.transport.pooled import Call, Reply, Token

__all__ = ["BunnyBackend"]

_LIMITS = {"tag": (5.0, 120, 600), "url": (0.5, 20, 80)}
"""Calls per second, how many at once, and how many there may be: what takes two minutes or less."""
_WANTED = (
    ("EnableSmartCache", False, "pages are not stored: switch Smart Cache off"),
    ("IgnoreQueryStrings", False, "/?page=2 gets /: let Vary Cache have URL Query String"),
    ("EnableHostnameVary", True, "hosts share pages: let Vary Cache have Request Hostname"),
    ("CacheControlMaxAgeOverride", -1, "it overrides ours: respect the origin's Cache-Control"),
    ("CacheControlPublicMaxAgeOverride", -1, "browsers keep old pages: match the server's"),
    ("PermaCacheStorageZoneId", 0, "tags are not purged in Perma-Cache: switch it off"),
)


@dataclass(frozen=True, kw_only=True)
class BunnyBackend(ApiBackend):
    """Purge one pull zone; ``pull_zone`` is its number, the key is that of the account."""

    pull_zone: int
    access_key: str = field(repr=False)
    asynchronous: bool = False
    """Let a purge by URL be confirmed before it is carried out."""
    vary: tuple[str, ...] = ()
    """Request headers that the zone's cache key has, by Vary Cache or edge rules."""
    base_url: str = "https://api.bunny.net"
    rate: float | None = 0.0
    """As of all backends; 0: what bunny.net allows for the method."""
    burst: int = 0
    """The same."""
    max_items: int = 0
    """As of all backends; 0: what is purged within two minutes, 600 tags or 80 URLs."""

    tag_field: ClassVar[str | None] = "CDN-Tag"
    tag_separator: ClassVar[str] = ","
    max_tag_bytes: ClassVar[int] = 1_024
    ttl_header: ClassVar[str | None] = "Cache-Control"
    variants: ClassVar[frozenset[str] | None] = frozenset()
    success: ClassVar[frozenset[int]] = frozenset({200, 204})
    repeat_default: ClassVar[float] = 5.0
    remedy: ClassVar[str] = "check pull_zone, access_key, and that HOSTS are hostnames of the zone"

    def __post_init__(self) -> None:
        """Take the rate of the method; raise ImproperlyConfigured for what is no zone."""
        if self.pull_zone < 1:
            raise self.wrong("pull_zone", f"= {self.pull_zone!r} must be the number of the zone")
        rate, burst, items = _LIMITS[self.method]
        self.fill_in(rate=rate, burst=burst, max_items=items)
        super().__post_init__()

    def auth(self) -> AuthBase:
        """The key of the account: there is none for a single zone."""
        return Token("AccessKey", self.access_key)

    @operation()
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge one tag; an empty one would be the whole zone."""
        if not tags[0].strip():
            raise Rejected(f"{self.alias} has an empty tag, which would purge the whole zone.")
        return Call(path=f"/pullzone/{self.pull_zone}/purgeCache", json={"CacheTag": tags[0]})

    @operation()
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge one URL; without ``exactPath`` one that ends in ``/`` is a prefix."""
        return self._call(urls[0], exact="true")

    @operation()
    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Purge all that begins with a URL."""
        return self._call(prefixes[0] + "*", exact="false")

    @operation()
    def purge_everything(self) -> Call:
        """Purge the zone."""
        return Call(path=f"/pullzone/{self.pull_zone}/purgeCache")

    def confirms(self, reply: Reply) -> bool:
        """A 204 is enough; a 200 may be a page of something else, or name an error."""
        return reply.status == 204 or not ("<" in reply.text or "ErrorKey" in reply.json)

    def findings(self) -> Iterator[str]:
        """Read the settings of the zone."""
        zone = self.read(Call(method="GET", path=f"/pullzone/{self.pull_zone}"))
        for name, wanted, problem in _WANTED:
            is_alone = name == "EnableHostnameVary" and len(self.hosts) == 1
            if zone.get(name, wanted) != wanted and not is_alone:
                yield f"{name} of the pull zone is {zone[name]!r}: {problem}."

    def _call(self, url: str, *, exact: str) -> Call:
        waiting = "true" if self.asynchronous else "false"
        return Call(path="/purge", params={"url": url, "async": waiting, "exactPath": exact})
