"""Requests to Akamai's APIs, signed by ``edgegrid-python``."""

import logging
import os
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias

from requests import PreparedRequest
from requests.auth import AuthBase

from dumper_purge.backends.base import BaseBackend

__all__ = ["Signer", "check"]

_Tokens: TypeAlias = tuple[str | None, ...]


class Signer(AuthBase):
    """Sign with tokens, or with those of a section of an ``.edgerc`` file."""

    def __init__(self, tokens: _Tokens, file: str | None, section: str) -> None:
        self._tokens = tokens
        self._file = file
        self._section = section

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the ``Authorization`` header to a prepared request."""
        auth = _edgegrid().EdgeGridAuth
        sign = auth.from_edgerc(self._file, self._section) if self._file else auth(*self._tokens)
        signed: PreparedRequest = sign(r)
        return signed


def check(backend: BaseBackend, tokens: _Tokens, file: str | None) -> None:
    """Raise ImproperlyConfigured unless there are either all tokens or a file that is there."""
    if bool(file) == any(tokens) or any(tokens) != all(tokens):
        raise backend.wrong("client_token", "needs client_secret and access_token, or edgerc")
    # Of pathlib some errors come through, such as of a user who does not exist.
    if file and not os.path.isfile(os.path.expanduser(file)):  # noqa: PTH111, PTH113
        raise backend.wrong("edgerc", f"= {file!r} must be the path of a file")


@lru_cache(maxsize=1)
def _edgegrid() -> Any:
    """Return the package; at DEBUG it would log the tokens, and the key that it signs with."""
    logging.getLogger("akamai.edgegrid.edgegrid").setLevel(logging.INFO)
    return import_module("akamai.edgegrid")
