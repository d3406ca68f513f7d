"""Calls of an API, over pooled connections (``requests``): one at a time, strictly bounded."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import ChunkedEncodingError

from dumper_purge.exceptions import Transient

__all__ = ["Call", "Reply", "Token", "exchange"]

_MAX_BODY = 262_144
_PIECE = 16_384
_CONNECTIONS = 64


class Token(AuthBase):
    """Send a secret in one request header, and show it nowhere else."""

    def __init__(self, header: str, secret: str) -> None:
        self._header = header
        self._secret = secret

    def __repr__(self) -> str:
        return f"<Token {self._header}>"

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to a prepared request."""
        r.headers[self._header] = self._secret
        return r


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an API, at ``path`` below its base URL; it holds no secret.

    The same call may be made twice: what identifies it to the API is decided when it is built.
    """

    method: str = "POST"
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    """The body, to be sent as JSON; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an API answered. Names of headers are in any case; ``text`` has 256 KiB at most."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body; empty if there is none, such as in a page of HTML."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def exchange(
    call: Call, base_url: str, *, auth: AuthBase | None, connect_timeout: float, read_timeout: float
) -> Reply:
    """Make one call; raise Transient unless a whole answer came within ``read_timeout`` seconds.

    A call whose connection broke is made once more at once, since a pooled connection may have been
    closed meanwhile. Redirects are not followed: the secret is for this host alone.
    """
    prepared = _prepared(call, base_url, auth)
    timeouts = (connect_timeout, read_timeout)
    try:
        return _reply(prepared, timeouts)
    except requests.Timeout as error:
        raise Transient(f"did not answer within {_longest(error, timeouts):g} s") from error
    except (requests.ConnectionError, ChunkedEncodingError):
        pass
    try:
        return _reply(prepared, timeouts)
    except requests.RequestException as error:
        raise Transient(f"cannot be reached: {_reason(error)}") from error


def _prepared(call: Call, base_url: str, auth: AuthBase | None) -> requests.PreparedRequest:
    request = requests.Request(
        call.method,
        base_url.rstrip("/") + call.path,
        params=dict(call.params),
        headers=dict(call.headers),
        json=call.json,
        auth=auth or _unsigned,  # Without any, it would look into the user's .netrc.
    )
    try:
        return _session().prepare_request(request)
    except Exception as error:  # Each vendor's package has errors of its own.
        raise Transient(f"cannot be called: {type(error).__name__}") from error


def _reply(prepared: requests.PreparedRequest, timeouts: tuple[float, float]) -> Reply:
    session = _session()
    url = str(prepared.url)
    settings = session.merge_environment_settings(url, {}, None, None, None)
    until = time.monotonic() + sum(timeouts)
    with session.send(
        prepared, timeout=timeouts, allow_redirects=False, **(settings | {"stream": True})
    ) as response:
        text = _text(response, until)
        return Reply(status=response.status_code, headers=response.headers, text=text)


def _text(response: requests.Response, until: float) -> str:
    """Return the beginning of a body; an answer in drops must not take for ever."""
    body = b""
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _MAX_BODY:
            break
        if time.monotonic() > until:
            raise requests.ReadTimeout("the answer does not end")
    return body[:_MAX_BODY].decode(errors="replace")


def _longest(error: requests.Timeout, timeouts: tuple[float, float]) -> float:
    return timeouts[0] if isinstance(error, requests.ConnectTimeout) else timeouts[1]


def _reason(error: BaseException) -> str:
    """Return what lies below an error of ``requests``, whose own words hold the whole URL."""
    while (inner := _inner(error)) is not None:
        error = inner
    return getattr(error, "strerror", None) or type(error).__name__


def _inner(error: BaseException) -> BaseException | None:
    inside = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((each for each in inside if isinstance(each, BaseException)), None)


@lru_cache(maxsize=1)
def _session() -> requests.Session:
    """Return the process's one session, which threads share: it keeps connections, no cookies."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "django-dumper-purge"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS))
    return session


def _unsigned(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared


# A child must not write to its parent's connections.
os.register_at_fork(after_in_child=_session.cache_clear)
