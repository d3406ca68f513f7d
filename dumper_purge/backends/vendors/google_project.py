"""What is Google's own: how it is asked, what it answers, and a project's settings."""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from typing import Any

from django.utils.module_loading import import_string
from requests import PreparedRequest
from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, wrong
from dumper_purge.backends.outcome import Verdict
from dumper_purge.transport.pooled import Call

__all__ = ["REASONS", "check", "findings", "path_pattern", "signer"]

_SCOPE = "https://www.googleapis.com/auth/compute"
_LONGEST = 10.0
"""Seconds until a server of tokens must have answered."""
REASONS = {
    r'"reason": *"(rateLimitExceeded|userRateLimitExceeded|quotaExceeded)"': Verdict.THROTTLED,
    r'"reason": *"(resourceNotReady|backendError|internalError)"': Verdict.TRANSIENT,
}
"""What is meant by an answer with these reasons; exceeded quotas may come with 403."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]*")
_SERVICE = re.compile(r"/global/backendServices/([a-z0-9-]+)")
_CACHE_MODE = "USE_ORIGIN_HEADERS"
_A_DAY = 86_400


class Signer(AuthBase):
    """Sign with a service account's key, or with Application Default Credentials.

    Threads share it. A key signs by itself; other credentials fetch a token now and then.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = threading.Lock()

    @cached_property
    def _credentials(self) -> Any:
        if not self._file:
            return import_string("google.auth.default")(scopes=[_SCOPE])[0]
        key = import_string("google.oauth2.service_account.Credentials")
        return key.from_service_account_file(
            self._file, scopes=[_SCOPE], always_use_jwt_access=True
        )

    @cached_property
    def _request(self) -> Any:
        request = import_string("google.auth.transport.requests.Request")
        return partial(request(), timeout=_LONGEST)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the ``Authorization`` header to a prepared request."""
        if not self._lock.acquire(timeout=_LONGEST):  # Or they would wait one after the other.
            raise TimeoutError
        try:
            self._credentials.before_request(self._request, r.method, r.url, r.headers)
        finally:
            self._lock.release()
        return r


@lru_cache(maxsize=16)
def signer(file: str) -> Signer:
    """Return the process's one signer for a key file; "" is for the default credentials."""
    return Signer(file)


# A lock that another thread of the parent held would be held for ever in the child.
os.register_at_fork(after_in_child=signer.cache_clear)


def check(backend: ApiBackend, file: str, **names: str) -> None:
    """Raise ImproperlyConfigured unless a key file, if any, is there, and names are names."""
    for option, name in names.items():
        if not _NAME.fullmatch(name):
            raise wrong(backend, option, f"= {name!r} must be a name such as 'my-site-1'")
    # Of pathlib some errors come through, such as of a folder that is closed.
    if file and not os.path.isfile(file):  # noqa: PTH113
        raise wrong(backend, "service_account_file", f"= {file!r} must be a JSON key file")


def path_pattern(path: str) -> str:
    """Return the narrowest pattern for a path: ``*`` may only stand at its end, after a slash."""
    before, star, _ = path.partition("*")
    return before[: before.rfind("/") + 1] + "*" if star else path


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
