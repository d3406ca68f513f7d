"""Secrets in the headers of a call, which are shown nowhere else."""

from collections.abc import Mapping

from requests import PreparedRequest
from requests.auth import AuthBase

__all__ = ["SecretHeaders", "Token"]


class SecretHeaders(AuthBase):
    """Send headers whose values are secret."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self._headers)}>"

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the headers to a prepared request."""
        r.headers.update(self._headers)
        return r


class Token(SecretHeaders):
    """Send a secret in one header."""

    def __init__(self, header: str, secret: str) -> None:
        super().__init__({header: secret})
