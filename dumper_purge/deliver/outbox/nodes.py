"""What this process has seen of each node, told to the others through the outbox now and then."""

import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.apps import apps
from django.db import Error, connections, transaction

from dumper_purge.deliver.breaker import THRESHOLD
from dumper_purge.deliver.outbox import encoding, outboxes, sql
from dumper_purge.deliver.outbox.locks import locked, patiently

__all__ = ["failed", "flush_if_due", "forget", "is_due", "node_key", "succeeded"]

logger = logging.getLogger("dumper.deliver")

_TELL_AGAIN = 10.0


@dataclass
class _Seen:
    """Times are on the monotonic clock; ``retry_at`` is None while the node is well."""

    last_success: float | None = None
    last_failure: float | None = None
    retry_at: float | None = None
    failures: int = 0
    error: str = ""
    is_news: bool = True


_seen: dict[tuple[str, str], _Seen] = {}
_lock = threading.Lock()
_due = 0.0


def succeeded(alias: str, node: str) -> None:
    """Note that a node was purged."""
    global _due
    with _lock:
        seen = _seen.setdefault((alias, node), _Seen())
        if seen.failures:
            _due = 0.0
        seen.failures, seen.retry_at, seen.error = 0, None, ""
        seen.last_success, seen.is_news = time.monotonic(), True


def failed(alias: str, node: str, error: str, retry_in: float | None) -> None:
    """Note that a node was not purged, and when it is asked again."""
    global _due
    with _lock:
        seen = _seen.setdefault((alias, node), _Seen())
        now = time.monotonic()
        seen.failures += 1
        if seen.failures in {1, THRESHOLD}:
            _due = 0.0
        seen.last_failure, seen.error, seen.is_news = now, error, True
        seen.retry_at = None if retry_in is None else now + retry_in


def forget() -> None:
    """Forget what was seen: after a fork it, and its lock, belong to the parent."""
    global _due, _lock
    _lock = threading.Lock()
    _seen.clear()
    _due = 0.0


def is_due() -> bool:
    """Tell whether it is time to write, should there be news."""
    return time.monotonic() >= _due


def flush_if_due() -> None:
    """Write what is news: at once if a node fails, rests or is back, else every ten seconds."""
    global _due
    if not is_due():
        return
    with _lock:
        now = time.monotonic()
        news = [(place, seen) for place, seen in _seen.items() if seen.is_news]
        if now < _due or not news or _is_in_transaction():
            return
        _due = now + _TELL_AGAIN
        for _, seen in news:
            seen.is_news = False
    try:
        _write(news, now)
    except Error as error:
        logger.warning("What became of nodes could not be told to others: %s", error)
        for _, seen in news:
            seen.is_news = True


def _is_in_transaction() -> bool:
    """Tell whether it would be written in somebody's transaction, which holds the row for long."""
    return any(connections[using].in_atomic_block for using in outboxes.known_outboxes()[:1])


def node_key(alias: str, node: str) -> str:
    """Return the primary key of a node's row."""
    return hashlib.blake2b(f"{alias}\n{node}".encode(), digest_size=16).hexdigest()


def _write(news: list[tuple[tuple[str, str], _Seen]], now: float) -> None:
    aliases = outboxes.known_outboxes()
    if not aliases:
        return
    model = apps.get_model("dumper_purge", "OutboxNode")
    clock = sql.clock(aliases[0])
    for (alias, node), seen in news:
        values = {
            "alias": alias,
            "node": node,
            "failures": seen.failures,
            "error": encoding.storable(seen.error),
            "retry_at": None if seen.retry_at is None else clock + seen.retry_at - now,
        }
        if seen.last_success is not None:
            values["last_success"] = clock + seen.last_success - now
        if seen.last_failure is not None:
            values["last_failure"] = clock + seen.last_failure - now
        rows, key = model.objects.using(aliases[0]), node_key(alias, node)
        patiently(partial(_put, rows, key, values))


def _put(rows: Any, key: str, values: Mapping[str, Any]) -> None:
    with transaction.atomic(using=rows.db):
        locked(rows, key)
        rows.update_or_create(key=key, defaults=values)
