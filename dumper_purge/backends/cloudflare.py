"""Cloudflare: cache tags, 100 in a call.

A tag covers all queries and variants. A URL covers one query, with the scheme that Cloudflare uses
towards the site, and none of the copies that a custom cache key tells apart: purge tags there. A
prefix is a folder. HTML is stored only where a Cache Rule makes it "eligible for cache". By default
``Vary`` is ignored but for ``Accept-Encoding``: what varies on anything else is not stored, unless
``vary`` names what a Cache Rule's "Vary" setting covers.

Limits are per account: its zones, and people at the dashboard, share them, so give each backend its
part with ``rate`` and ``burst``. URLs are counted apart, 800 a second on a free plan: where
``method`` is ``url``, ``"rate": 8, "burst": 8`` fits 100 in a call.

What spoils it: a Browser Cache TTL other than "Respect Existing Headers", which lets browsers show
old pages (``manage.py dumper inspect`` tells); a Cache Rule with an Edge TTL of its own, or a
Response Rule that sets Cache-Control, which replace what this package sends; a cache in between
that adds ``Surrogate-Control``, with which Cloudflare ignores that a page is ``private``.

After a soft purge the next request is revalidated, which is cheap for pages with ``ETag`` or
``Last-Modified``; while the site fails, the old page is shown for ``DUMPER_GRACE``.

Sources: https://developers.cloudflare.com/cache/how-to/purge-cache/ (limits, and what each purge
covers), https://developers.cloudflare.com/cache/concepts/vary/,
https://developers.cloudflare.com/cache/concepts/cdn-cache-control/
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from dumper_purge.backends.api import ApiBackend, Limits, operation
from dumper_purge.backends.outcome import Verdict
from dumper_purge.transport.pooled import Call, Reply, Token

__all__ = ["CloudflareBackend"]

_PLANS = {"free": (5 / 60, 25), "pro": (5, 25), "business": (10, 50), "enterprise": (50, 500)}
"""Calls per second, and how many at once."""
_FOLDER = re.compile(r"[^/]*(?:/[^/]*){0,30}/")


@dataclass(frozen=True, kw_only=True)
class CloudflareBackend(ApiBackend):
    """Purge one zone; the token needs Zone > Cache Purge, and for inspection Zone Settings Read."""

    zone_id: str
    """The zone's ID, 32 hexadecimal digits; not its name."""
    token: str = field(repr=False)
    plan: Literal["free", "pro", "business", "enterprise"] = "free"
    """Sets ``rate`` and ``burst`` where they are not given."""
    environment: str | None = None
    """The ID of an environment of Version Management, such as staging; None: the whole zone."""
    burst: int = 0
    """As of all backends; 0: what the plan allows."""
    max_files: Literal[30, 100, 500] = 100
    """How many URLs one call holds: 500 on Enterprise, 30 where more are refused."""
    schemes: tuple[str, ...] = ("http", "https")
    """As of all API backends; one where the zone answers only that, to the site as well."""
    vary: tuple[str, ...] = ()
    """The request headers that a Cache Rule's "Vary" setting covers."""
    base_url: str = "https://api.cloudflare.com/client/v4"

    ttl_header: ClassVar[str] = "Cloudflare-CDN-Cache-Control"
    variants: ClassVar[frozenset[str] | None] = frozenset({"accept-encoding"})
    tag_field: ClassVar[str | None] = "Cache-Tag"
    tag_separator: ClassVar[str] = ","
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"[!-+\--~]{1,1024}")
    max_tag_bytes: ClassVar[int] = 16_000
    strips: ClassVar[frozenset[str]] = frozenset({"cache-tag", "cloudflare-cdn-cache-control"})
    soft_is_possible: ClassVar[bool] = True
    prefixes_are_folders: ClassVar[bool] = True
    remedy: ClassVar[str] = "check zone_id, and that the token is valid and may purge this zone"
    says: ClassVar[Mapping[str, Verdict]] = {
        r'"code":\s*(?:10000|9109|6003|7000|7003|1136)\b': Verdict.REFUSED,
        r'"code":\s*10100\b': Verdict.THROTTLED,
        r"(?i)(?:too many|more than|at most|up to) (?:\d+ )?(?:items|urls|files)": Verdict.TOO_BIG,
    }

    def __post_init__(self) -> None:
        """Take the rate of the plan; raise ImproperlyConfigured for what is no zone."""
        if not re.fullmatch(r"[0-9a-f]{32}", self.zone_id):
            raise self.wrong("zone_id", f"= {self.zone_id!r} must be the 32 digits of the ID")
        rate, burst = _PLANS[self.plan]
        self.fill_in(rate=rate, burst=burst)
        super().__post_init__()

    def auth(self) -> Token:
        """An API token, not the older key of a whole account."""
        return Token("Authorization", f"Bearer {self.token}")

    def limits(self, name: str) -> Limits:
        """Return what one call holds; of URLs, as many as ``max_files`` says."""
        limits = super().limits(name)
        return limits._replace(items=self.max_files) if name == "purge_urls" else limits

    @operation(items=100)
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge tags, whose case does not matter."""
        return self._call("tags", list(tags))

    @operation(items=100)
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge URLs, each with its query."""
        return self._call("files", list(urls))

    @operation(items=100)
    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Purge folders, named without a scheme, and with 31 slashes at most."""
        folders = [_FOLDER.match(prefix.partition("://")[2]) for prefix in prefixes]
        return self._call("prefixes", list(dict.fromkeys(each[0] for each in folders if each)))

    @operation(items=100)
    def purge_hosts(self, hosts: Sequence[str]) -> Call:
        """Purge whole hosts of the zone."""
        return self._call("hosts", list(hosts))

    @operation()
    def purge_everything(self) -> Call:
        """Purge the whole zone."""
        return self._call("purge_everything", True)

    def confirms(self, reply: Reply) -> bool:
        """Errors, too, may come with status 200."""
        return reply.json.get("success") is True

    def verdict(self, reply: Reply) -> Verdict:
        """Tell the statuses of Cloudflare's own, which mean that its API is not reached."""
        return Verdict.TRANSIENT if 520 <= reply.status <= 530 else super().verdict(reply)

    def wait(self, reply: Reply) -> str | None:
        """Return Retry-After, else when ``Ratelimit: "default";r=0;t=30`` begins anew."""
        reset = re.search(r";\s*t=([0-9]+)", reply.headers.get("Ratelimit", ""))
        return super().wait(reply) or (reset[1] if reset else None)

    def findings(self) -> Iterator[str]:
        """Tell a Browser Cache TTL that replaces what browsers are told."""
        setting = f"/zones/{self.zone_id}/settings/browser_cache_ttl"
        seconds = self.read(Call(method="GET", path=setting))["result"]["value"]
        if seconds:
            yield (
                f"browsers keep pages for {seconds} s after a purge: set Caching > Configuration >"
                " Browser Cache TTL to Respect Existing Headers."
            )

    def _call(self, name: str, value: object) -> Call:
        part = f"/environments/{self.environment}" if self.environment else ""
        verb = "invalidate_cache" if self.soft else "purge_cache"
        return Call(path=f"/zones/{self.zone_id}{part}/{verb}", json={name: value})
