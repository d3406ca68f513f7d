"""Calls of an API, over pooled connections (``requests``): one at a time, strictly bounded."""

import os
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import ChunkedEncodingError
from urllib3.exceptions import HTTPError, ReadTimeoutError

from dumper_purge.exceptions import Transient
from dumper_purge.paths import has_dot_segment
from dumper_purge.transport.call import Call, Reply
from dumper_purge.transport.credentials import Token
from dumper_purge.transport.timely import TimelyAdapter

__all__ = ["Call", "Reply", "Token", "exchange"]

_MAX_BODY = 262_144
_PIECE = 16_384
_CONNECTIONS = 64
_VARIABLES = (
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUEST_METHOD",
)  # fmt: skip
_FAILURES = (requests.RequestException, HTTPError)


def exchange(
    call: Call, base_url: str, *, auth: AuthBase | None, connect_timeout: float, read_timeout: float
) -> Reply:
    """Make one call; raise Transient unless a whole answer came within ``read_timeout`` seconds.

    A call whose connection broke is made once more at once, since a pooled connection may have been
    closed meanwhile. Redirects are not followed: the secret is for this host alone.
    """
    timeouts = (connect_timeout, read_timeout)
    try:
        return _reply(_prepared(call, base_url, auth), timeouts)
    except (requests.ConnectionError, ChunkedEncodingError) as error:
        if _is_late(error):
            raise _failed(error, timeouts) from error
    except _FAILURES as error:
        raise _failed(error, timeouts) from error
    try:  # Signed anew: a signature may be for one request alone.
        return _reply(_prepared(call, base_url, auth), timeouts)
    except _FAILURES as error:
        raise _failed(error, timeouts) from error


def _failed(error: Exception, timeouts: tuple[float, float]) -> Transient:
    if _is_late(error):
        seconds = timeouts[0] if isinstance(error, requests.ConnectTimeout) else timeouts[1]
        return Transient(f"did not answer within {seconds:g} s")
    return Transient(f"cannot be reached: {_reason(error)}")


def _is_late(error: Exception) -> bool:
    """Tell a timeout; while a body is read it is a connection error to ``requests``."""
    inside = error.args[0] if error.args else None
    return isinstance(error, requests.Timeout) or isinstance(inside, ReadTimeoutError)


def _prepared(call: Call, base_url: str, auth: AuthBase | None) -> requests.PreparedRequest:
    if has_dot_segment(call.path):
        raise ValueError(f"{call.path!r} would be another call: it has dots between its slashes.")
    request = requests.Request(
        call.method,
        base_url.rstrip("/") + call.path,
        params=dict(call.params),
        headers=dict(call.headers),
        data=None if call.text is None else call.text.encode(),
        json=call.json,
        auth=auth or _unsigned,  # Without any, it would look into the user's .netrc.
    )
    try:
        prepared = _session().prepare_request(request)
    except Exception as error:  # Each vendor's package has errors of its own.
        raise Transient(f"cannot be called: {type(error).__name__}") from error
    return prepared


def _reply(prepared: requests.PreparedRequest, timeouts: tuple[float, float]) -> Reply:
    url = str(prepared.url)
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}/"
    settings = _environment(place, tuple(map(os.environ.get, _VARIABLES)))
    # Session.send() keeps cookies, and reads all of a redirect, and the .netrc for the next one.
    adapter = _session().get_adapter(url)
    with adapter.send(prepared, timeout=timeouts, **settings) as response:
        return Reply(status=response.status_code, headers=response.headers, text=_text(response))


@lru_cache(maxsize=64)
def _environment(url: str, variables: tuple[str | None, ...]) -> Any:
    """Return proxies and certificates as these variables want them; to read them takes long."""
    return _session().merge_environment_settings(url, {}, True, None, None)


def _text(response: requests.Response) -> str:
    """Return the beginning of a body, which may not end."""
    body = b""
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _MAX_BODY:
            break
    return body[:_MAX_BODY].decode(errors="replace")


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
    """Return the process's one session, which threads share: it keeps connections, nothing else."""
    session = requests.Session()
    session.headers["User-Agent"] = "django-dumper-purge"
    for scheme in ("http://", "https://"):
        session.mount(
            scheme, TimelyAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
        )
    return session


def _unsigned(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared


# A child must not write to its parent's connections.
os.register_at_fork(after_in_child=_session.cache_clear)
