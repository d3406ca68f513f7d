"""What the backend services behind a URL map of Google's do to pages."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dumper_purge.transport.pooled import Call

__all__ = ["findings"]

_SERVICE = re.compile(r"/global/backendServices/([a-z0-9-]+)")
_CACHE_MODE = "USE_ORIGIN_HEADERS"
_A_DAY = 86_400


def findings(
    read: Callable[[Call], Mapping[str, Any]], project: str, url_map: str, *, hosts: int
) -> Iterator[str]:
    """Yield what spoils a promise in the backend services of a URL map that have Cloud CDN on.

    Source: https://cloud.google.com/compute/docs/reference/rest/v1/backendServices
    """
    found = str(read(Call(method="GET", path=f"{project}/urlMaps/{url_map}")))
    cached = 0
    for name in sorted(set(_SERVICE.findall(found))):
        service = read(Call(method="GET", path=f"{project}/backendServices/{name}"))
        if service.get("enableCDN"):
            cached += 1
            for problem in _of_policy(service.get("cdnPolicy", {}), hosts):
                yield f"Backend service {name}: {problem}."
    if not cached:
        yield "No backend service of the URL map has Cloud CDN on: nothing is stored."


def _of_policy(policy: Mapping[str, Any], hosts: int) -> Iterator[str]:
    key = policy.get("cacheKeyPolicy", {})
    if (mode := policy.get("cacheMode")) != _CACHE_MODE:
        yield f"cacheMode {mode} overrides our headers: set it to {_CACHE_MODE}"
    if (stale := policy.get("serveWhileStale", _A_DAY)) != 0:
        yield f"serveWhileStale shows pages for {stale} s after their TTL: set it to 0"
    if key.get("includeQueryString") is False:
        yield "/?page=2 gets what is for /: set cacheKeyPolicy.includeQueryString to true"
    if key.get("includeHost") is False and hosts != 1:
        yield "hosts share pages: set cacheKeyPolicy.includeHost to true"
