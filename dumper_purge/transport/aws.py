"""Calls of AWS' APIs, signed and made by ``boto3``, in the words of :mod:`.call`.

Of a :class:`~dumper_purge.transport.call.Call`, ``path`` is the operation and ``json`` what it
takes; the text of the reply is what boto3 read from it, or from the error, as JSON.
"""

import json
import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from dumper_purge.exceptions import Transient
from dumper_purge.transport.call import Call, Reply

__all__ = ["Account", "exchange"]

_CONNECTIONS = 64

_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where an API is, and who calls it; without keys boto3 looks for them where it always does."""

    service: str
    base_url: str
    access_key: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    connect_timeout: float
    read_timeout: float


def exchange(call: Call, account: Account) -> Reply:
    """Make one call; raise Transient unless a whole answer came.

    A call whose connection broke is made once more at once, since a pooled connection may have been
    closed meanwhile.
    """
    for is_last in (False, True):
        try:
            return _reply(call, account)
        except (BotoCoreError, ResponseParserError) as error:
            failure = _transient(error)
            if is_last or not isinstance(error, ConnectionClosedError):
                break
    # Not from the error, whose words may repeat what was sent, or what came.
    raise failure


def _reply(call: Call, account: Account) -> Reply:
    try:
        answer: dict[str, Any] = getattr(_client(account), call.path)(**call.json)
    except ClientError as error:
        answer = error.response
    http = answer.get("ResponseMetadata", {})
    return Reply(
        status=http.get("HTTPStatusCode", 0),
        headers=http.get("HTTPHeaders", {}),
        text=json.dumps(answer, default=str),
    )


def _transient(error: Exception) -> Transient:
    """Name the class alone: the words of some errors repeat what they were given."""
    return Transient(f"cannot be called: {type(error).__name__}")


def _client(account: Account) -> Any:
    """Return the process's one client of an account, which threads share; only one is built."""
    with _lock:
        return _built(account)


@lru_cache(maxsize=64)
def _built(account: Account) -> Any:
    session = boto3.Session(
        aws_access_key_id=account.access_key, aws_secret_access_key=account.secret_key
    )
    if session.get_credentials() is None:  # A client would go without for good.
        raise NoCredentialsError
    return session.client(
        account.service,
        region_name="us-east-1",
        endpoint_url=account.base_url,
        config=Config(
            connect_timeout=account.connect_timeout,
            read_timeout=account.read_timeout,
            max_pool_connections=_CONNECTIONS,
            retries={"total_max_attempts": 1},
            user_agent_extra="django-dumper-purge",
        ),
    )


def _forget() -> None:
    """Begin anew in a child, which must not write to its parent's connections."""
    global _lock
    _lock = threading.Lock()
    _built.cache_clear()


os.register_at_fork(after_in_child=_forget)
