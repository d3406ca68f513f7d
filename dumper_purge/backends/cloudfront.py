"""CloudFront: cache tags, 3,000 in a call, or paths where the distribution knows no tags.

Tags need ``CacheTagConfig`` in the distribution, and its header's name as ``tag_header``; they
cover all queries, hosts and variants. Without, a path is purged on all hosts of the distribution,
with all variants but without any query, so that pages with a query are not stored. There is no soft
purge. The China Regions know no tags, and are not supported.

Each path and each tag of a call costs: 1,000 a month are free in an account, then US$ 0.005 each,
and everything, which is ``/*``, counts as one. The second purge costs the same once more;
``"repeat_after": 0`` saves it, and leaves what was being fetched during the first. 3,000 paths and
tags, and 15 prefixes, may be in progress at the same time: more wait for minutes, and above
``max_items`` everything is purged instead.

What spoils it: a MinTTL above 0 in the cache policy, with which CloudFront stores even what is
``private``; a cache key without the query, without ``Host`` where there are several, or without
what ``vary`` names. The managed policy CachingOptimized has such faults: make one with MinTTL 0 and
all query strings (``manage.py dumper inspect`` tells). CloudFront reads ``s-maxage``, which proxies
outside of it obey, too: let a response headers policy replace Cache-Control, and remove the tags.

Sources: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Invalidation.html,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-tags.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import uuid4

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.vendors.cloudfront_behaviours import findings
from dumper_purge.transport.pooled import Call, Reply

__all__ = ["CloudFrontBackend"]

_MOST_WILDCARDS = 15
_FROM_TILDE = re.compile(r"~.*")

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, kw_only=True)
class CloudFrontBackend(ApiBackend):
    """Purge one distribution; needs the right ``cloudfront:CreateInvalidation``.

    For inspection also ``cloudfront:GetDistributionConfig`` and ``cloudfront:GetCachePolicy``.
    """

    distribution_id: str
    distribution_tenant_id: str | None = None
    """Purge this tenant of a multi-tenant distribution alone."""
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    """None: as boto3 finds them, in the environment, a profile, or the role of the machine."""
    tag_header: str | None = None
    """``CacheTagConfig.HeaderName`` of the distribution; None: purge by path."""
    vary: tuple[str, ...] = ()
    """The request headers in the cache key."""
    base_url: str = "https://cloudfront.amazonaws.com"
    max_items: int = 3_000
    concurrency: int = 2

    ttl_header: ClassVar[str] = "Cache-Control"
    variants: ClassVar[frozenset[str] | None] = frozenset({"accept-encoding"})
    """CloudFront itself sees to it; the rest is up to the cache key."""
    tag_separator: ClassVar[str] = ","
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"[!-+\--~]{1,256}")
    max_tags: ClassVar[int] = 50
    by_path: ClassVar[bool] = True
    success: ClassVar[frozenset[int]] = frozenset({200, 201})
    repeat_default: ClassVar[float] = 30.0
    needs: ClassVar[tuple[str, str] | None] = ("boto3", "cloudfront")
    remedy: ClassVar[str] = "check distribution_id, and that the credentials may invalidate it"
    says: ClassVar[Mapping[str, Verdict]] = {
        r'"Code": "(?:Throttling|RequestLimitExceeded|TooMany)': Verdict.THROTTLED,
        r'"Code": "(?:IncompleteSignature|NotAuthorized|RequestExpired)"': Verdict.REFUSED,
    }

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what is no ID or header, and for half a pair of keys."""
        if not re.fullmatch(r"[A-Z0-9]+", self.distribution_id):
            problem = f"= {self.distribution_id!r} must be its ID, such as 'E1A2B3C4D5E6F7'"
            raise self.wrong("distribution_id", problem)
        if (self.access_key is None) != (self.secret_key is None):
            raise self.wrong("secret_key", "and 'access_key' must be given together, or neither")
        if self.tag_header is not None and not _HEADER.fullmatch(self.tag_header):
            raise self.wrong("tag_header", f"= {self.tag_header!r} must be a header's name")
        if self.tag_header and self.method == "url":
            raise self.wrong("method", "= 'url' needs no 'tag_header': leave that out")
        super().__post_init__()

    @operation(items=3_000)
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge tags, whose case does not matter."""
        return self._call([f"#{tag}" for tag in tags])

    @operation(items=3_000)
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge paths, without their queries."""
        return self._call(self._named(urls))

    @operation(items=15)
    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Purge all that begins with a path, queries included."""
        return self._call(self._named([f"{prefix}*" for prefix in prefixes]))

    @operation()
    def purge_everything(self) -> Call:
        """Purge the distribution, or the tenant."""
        return self._call(["/*"])

    def confirms(self, reply: Reply) -> bool:
        """An invalidation that was created has an ID, and what was read an ETag."""
        return "ETag" in reply.json or bool(reply.at("/Invalidation/Id"))

    def wait(self, reply: Reply) -> str | None:
        """Return two minutes where too much is in progress; AWS itself never says how long."""
        return "120" if "TooManyInvalidationsInProgress" in reply.text else super().wait(reply)

    def findings(self) -> Iterator[str]:
        """Read the distribution, and the cache policy of each of its behaviours."""
        return findings(self)

    def ask(self, call: Call) -> Reply:
        """Make one call through boto3, whose ways of finding credentials are many."""
        from dumper_purge.transport import aws  # noqa: PLC0415 - it needs boto3

        names = ("base_url", "access_key", "secret_key", "connect_timeout", "read_timeout")
        options = {name: getattr(self, name) for name in names}
        return aws.exchange(call, aws.Account(service="cloudfront", **options))

    def _named(self, paths: Sequence[str]) -> list[str]:
        """Return paths as CloudFront takes them: none with ``~``, but all that begins as it does.

        Where everything is meant, and must not be purged, they are left for CloudFront to refuse.
        """
        named = list(dict.fromkeys(_FROM_TILDE.sub("*", path) for path in paths))
        if "/*" not in named and sum(path.endswith("*") for path in named) <= _MOST_WILDCARDS:
            return named
        return ["/*"] if self.allow_everything else list(paths)

    def _call(self, items: list[str]) -> Call:
        """Return a call that AWS carries out once, however often it is made."""
        paths = {"Quantity": len(items), "Items": items}
        batch = {"Paths": paths, "CallerReference": str(uuid4())}
        if self.distribution_tenant_id:
            owner, path = {"Id": self.distribution_tenant_id}, "_for_distribution_tenant"
        else:
            owner, path = {"DistributionId": self.distribution_id}, ""
        return Call(path=f"create_invalidation{path}", json={**owner, "InvalidationBatch": batch})
