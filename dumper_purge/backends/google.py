"""Google Cloud CDN, behind a global external Application Load Balancer: ten tags in a call.

A purge covers all queries, variants and schemes; a purge by path one host, and ``*`` stands only
after a ``/``. It takes effect in about 10 s, and is never soft. 500 calls in a minute are allowed.

The backend service must have ``cacheMode`` ``USE_ORIGIN_HEADERS``: ``CACHE_ALL_STATIC`` ends a TTL
after ``maxTtl``, a day, and ``FORCE_CACHE_ALL`` stores private pages. ``serveWhileStale``, a day by
default, shows pages after their TTL. ``findings()`` reads these settings. A response that varies on
headers which neither the vendor's page nor the cache key has is not stored.

The limits of tags (HTTP tokens of 120 bytes, 50 and 4,096 bytes to a page), and that ``Cache-Tag``
is passed on to visitors, are stated for Media CDN; Cloud CDN's page names none.

Sources: https://cloud.google.com/cdn/docs/cache-invalidation-overview,
https://cloud.google.com/cdn/docs/caching, https://cloud.google.com/media-cdn/docs/cache-invalidation,
https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps/invalidateCache
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.escalation import wildcard_path
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.vendors.google_services import findings
from dumper_purge.backends.vendors.google_signer import signer
from dumper_purge.transport.pooled import Call, Reply

__all__ = ["GoogleCloudBackend"]

_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]*")


@dataclass(frozen=True, kw_only=True)
class GoogleCloudBackend(ApiBackend):
    """Purge one URL map; the account needs ``compute.urlMaps.invalidateCache``."""

    project: str
    url_map: str
    service_account_file: str = ""
    """A JSON key; without it Application Default Credentials are used."""
    vary: tuple[str, ...] = ()
    """Further request headers, which ``cacheKeyPolicy.includeHttpHeaders`` has."""
    base_url: str = "https://compute.googleapis.com/compute/v1"
    rate: float | None = 6.0
    burst: int = 100

    ttl_header: ClassVar[str | None] = "Cache-Control"
    tag_field: ClassVar[str | None] = "Cache-Tag"
    variants: ClassVar[frozenset[str] | None] = frozenset(
        {"accept", "accept-encoding", "origin", "x-origin"}
    )
    tag_separator: ClassVar[str] = ","
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,120}")
    max_tags: ClassVar[int] = 50
    max_tag_bytes: ClassVar[int] = 4_096
    covers_query: ClassVar[bool] = True
    prefixes_are_folders: ClassVar[bool] = True
    repeat_default: ClassVar[float] = 15.0
    says: ClassVar[Mapping[str, Verdict]] = {
        r'"reason": *"(rateLimitExceeded|userRateLimitExceeded|quotaExceeded)"': Verdict.THROTTLED,
        r'"reason": *"(resourceNotReady|backendError|internalError)"': Verdict.TRANSIENT,
    }
    """Exceeded quotas may come with 403."""
    needs: ClassVar[tuple[str, str] | None] = ("google.auth", "google")
    remedy: ClassVar[str] = "check project, url_map, and that the account may purge it"

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        super().__post_init__()
        for option, name in (("project", self.project), ("url_map", self.url_map)):
            if not _NAME.fullmatch(name):
                raise self.wrong(option, f"= {name!r} must be a name such as 'my-site-1'")
        file = self.service_account_file
        # Of pathlib some errors come through, such as of a folder that is closed.
        if file and not os.path.isfile(file):  # noqa: PTH113
            raise self.wrong("service_account_file", f"= {file!r} must be a JSON key file")

    def auth(self) -> AuthBase:
        """One signer for a process, which renews its token before it expires."""
        return signer(self.service_account_file)

    @operation(items=10)
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge tags, on all hosts."""
        return self._call(cacheTags=list(tags))

    @operation()
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge a path with all of its queries; where it has ``*`` in it, its folder."""
        url = urlsplit(urls[0])
        return self._call(host=url.netloc, path=wildcard_path(url.path))

    @operation()
    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Purge a folder."""
        return self.purge_urls([prefixes[0] + "*"])

    @operation()
    def purge_hosts(self, hosts: Sequence[str]) -> Call:
        """Purge all pages of a host."""
        return self._call(host=hosts[0], path="/*")

    @operation()
    def purge_everything(self) -> Call:
        """Purge all that the URL map serves."""
        return self._call(path="/*")

    def confirms(self, reply: Reply) -> bool:
        """The answer is a resource, to a purge an operation, without an error."""
        return str(reply.json.get("kind")).startswith("compute#") and "error" not in reply.json

    def findings(self) -> Iterator[str]:
        """Read the settings of the backend services."""
        project = f"/projects/{self.project}/global"
        yield from findings(self.read, project, self.url_map, hosts=len(self.hosts))

    def _call(self, **rule: object) -> Call:
        path = f"/projects/{self.project}/global/urlMaps/{self.url_map}/invalidateCache"
        return Call(path=path, params={"requestId": str(uuid4())}, json=rule)
