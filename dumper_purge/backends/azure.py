"""Azure Front Door, Standard and Premium: 100 paths in a call, on the domains that HOSTS lists.

A purge of a path covers all of its queries, whatever its case, and both schemes; ``/news/*`` is a
folder. There are no tags and no soft purge. **A purge takes up to 20 minutes**, and one that comes
meanwhile waits for it: for so long old pages are shown. A 202 says that it was accepted, not that
it was carried out; the second purge follows when the first must be through.

``Vary`` is ignored, but for compression: what varies on anything else is not stored there. Cached
routes do not pass ``Accept-Language`` on to the site. Pages past their TTL may be shown while the
site is down.

What spoils it: a route or rule with the query string behavior *Ignore Query String*, which shows
``/?page=1`` for ``/?page=2``, and a rule with the cache behavior *Override always*, which keeps
pages for its own time (``manage.py dumper inspect`` tells of both); HOSTS without a domain of the
endpoint, whose pages are then not purged.

Sources: https://learn.microsoft.com/azure/frontdoor/cache-purge (says 10 minutes),
https://learn.microsoft.com/azure/frontdoor/front-door-faq (20 minutes),
https://learn.microsoft.com/azure/frontdoor/front-door-caching,
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.escalation import wildcard_path
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.vendors.azure_routes import findings
from dumper_purge.backends.vendors.azure_signer import check, signer
from dumper_purge.transport.pooled import Call, Reply

__all__ = ["AzureFrontDoorBackend"]

_NAMES = ("subscription_id", "resource_group", "profile", "endpoint")
_NAME = re.compile(r"[\w.()-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class AzureFrontDoorBackend(ApiBackend):
    """Purge one endpoint, as one who may "Microsoft.Cdn/profiles/afdEndpoints/purge/action".

    Without ``client_secret`` that is whom ``DefaultAzureCredential`` finds.
    """

    subscription_id: str
    resource_group: str
    profile: str
    endpoint: str
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "https://management.azure.com/.default"
    api_version: str = "2026-10-01"
    base_url: str = "https://management.azure.com"
    method: Literal["url"] = "url"
    rate: float | None = 10.0
    burst: int = 200

    ttl_header: ClassVar[str | None] = "Cache-Control"
    variants: ClassVar[frozenset[str] | None] = frozenset({"accept-encoding"})
    by_path: ClassVar[bool] = True
    covers_query: ClassVar[bool] = True
    prefixes_are_folders: ClassVar[bool] = True
    success: ClassVar[frozenset[int]] = frozenset({200, 202})
    repeat_default: ClassVar[float] = 1_200.0
    says: ClassVar[dict[str, Verdict]] = {
        '"code": *"(Conflict|AnotherOperationInProgress)"': Verdict.THROTTLED,
        '"code": *"(NoRegisteredProviderFound|\\w+ApiVersion|InvalidSubscription)': Verdict.REFUSED,
    }
    needs: ClassVar[tuple[str, str] | None] = ("azure.identity", "azure")
    remedy: ClassVar[str] = (
        "check subscription_id, resource_group, profile, endpoint, HOSTS, and that the identity"
        " may Microsoft.Cdn/profiles/afdEndpoints/purge/action"
    )

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        super().__post_init__()
        for name in _NAMES:
            if not _NAME.fullmatch(getattr(self, name)):
                raise self.wrong(name, "must be a name of letters, digits and -_.()")
        check(self, self._identity)
        if not self.hosts:
            problem = "those that a purge does not name are not purged"
            raise self.wrong("hosts", f"must list the domains of the endpoint: {problem}")

    def auth(self) -> AuthBase:
        """A bearer token, which is renewed before it expires."""
        return signer(self.scope, *self._identity)

    @operation(items=100)
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge paths, each with all of its queries; one with ``*`` in it, its folder."""
        return self._purge(urls)

    @operation(items=50)
    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Purge folders; each is named by itself, too, in case the wildcard leaves it out."""
        return self._purge([path for prefix in prefixes for path in (prefix, prefix + "*")])

    @operation()
    def purge_everything(self) -> Call:
        """Purge all that the domains serve."""
        return self._purge(["/*"])

    def confirms(self, reply: Reply) -> bool:
        """Azure numbers each request; something in front of it does not."""
        return "x-ms-request-id" in reply.headers

    def findings(self) -> Iterator[str]:
        """Read the routes of the endpoint, and their rules."""
        yield from findings(self.read, self._profile, self.endpoint, self.api_version)

    @property
    def _identity(self) -> tuple[str | None, str | None, str | None]:
        return self.tenant_id, self.client_id, self.client_secret

    @property
    def _profile(self) -> str:
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.Cdn/profiles/{self.profile}"

    def _purge(self, paths: Sequence[str]) -> Call:
        named = list(dict.fromkeys(map(wildcard_path, paths)))
        return Call(
            path=f"{self._profile}/afdEndpoints/{self.endpoint}/purge",
            params={"api-version": self.api_version},
            json={"contentPaths": named, "domains": list(self.hosts)},
        )
