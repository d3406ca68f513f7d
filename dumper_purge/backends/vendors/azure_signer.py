"""Requests to Azure Resource Manager, with a bearer token from ``azure-identity``."""

import os
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

from requests import PreparedRequest
from requests.auth import AuthBase

from dumper_purge.backends.base import BaseBackend

__all__ = ["check", "signer"]

_PATIENCE = {"connection_timeout": 3, "read_timeout": 10, "retry_total": 0}
"""Seconds that one request for a token may take, and how often it is made again."""


class Signer(AuthBase):
    """Add a token, which ``azure-identity`` keeps until it expires.

    Threads share it without a lock: if nobody gives tokens, they are not to wait one by one.
    """

    def __init__(
        self, scope: str, tenant_id: str | None, client_id: str | None, client_secret: str | None
    ) -> None:
        self._scope = scope
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._client_secret = client_secret

    @cached_property
    def _provider(self) -> Any:
        identity = import_module("azure.identity")
        if self._client_secret:
            credential = identity.ClientSecretCredential(
                self._tenant_id, self._client_id, self._client_secret, **_PATIENCE
            )
        else:
            # An own client_id is that of a user-assigned managed identity.
            own = {"managed_identity_client_id": self._client_id} if self._client_id else {}
            credential = identity.DefaultAzureCredential(**own, **_PATIENCE)
        return identity.get_bearer_token_provider(credential, self._scope)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the ``Authorization`` header to a prepared request."""
        r.headers["Authorization"] = f"Bearer {self._provider()}"
        return r


@lru_cache(maxsize=16)
def signer(
    scope: str, tenant_id: str | None, client_id: str | None, client_secret: str | None
) -> Signer:
    """Return the process's one signer for an identity; None for the default one."""
    return Signer(scope, tenant_id, client_id, client_secret)


# A child must not write to its parent's connections.
os.register_at_fork(after_in_child=signer.cache_clear)


def check(backend: BaseBackend, identity: tuple[str | None, str | None, str | None]) -> None:
    """Raise ImproperlyConfigured for a part of an identity."""
    tenant, _, secret = identity
    if (tenant or secret) and not all(identity):
        raise backend.wrong("client_secret", "must be given with tenant_id and client_id")
