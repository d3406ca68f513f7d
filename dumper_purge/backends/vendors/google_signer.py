"""Requests to Google's APIs, with a token from ``google-auth``."""

import os
import threading
from functools import cached_property, lru_cache, partial
from typing import Any

from django.utils.module_loading import import_string
from requests import PreparedRequest
from requests.auth import AuthBase

__all__ = ["signer"]

_SCOPE = "https://www.googleapis.com/auth/compute"
_LONGEST = 10.0
"""Seconds until a server of tokens must have answered."""


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
