"""A token bucket per backend with a ``rate``, shared by all processes through the outbox."""

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial

from django.apps import apps
from django.db import Error, connections, transaction

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.databases import begin_writing
from dumper_purge.deliver.outbox import outboxes, sql
from dumper_purge.deliver.outbox.locks import locked, patiently
from dumper_purge.deliver.outbox.nodes import node_key

__all__ = ["forget", "take"]

logger = logging.getLogger("dumper.deliver")

_LOW = 0.2
_WARN_AGAIN = 60.0


@dataclass
class _Bucket:
    tokens: float
    at: float


_own: dict[str, _Bucket] = {}
_warned: dict[str, float] = {}
_lock = threading.Lock()


def forget() -> None:
    """Begin with full buckets: after a fork they, and their lock, belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _own.clear()
    _warned.clear()


def take(backend: BaseBackend, batch: PurgeBatch) -> float:
    """Take what a purge costs; return 0, or the seconds until there is enough of it.

    Without an outbox, while it fails, and inside a transaction, which would hold the row for long,
    each process counts for itself.
    """
    if backend.rate is None:
        return 0.0
    cost = backend.cost(batch)
    try:
        aliases = outboxes.known_outboxes()
        is_shared = bool(aliases) and not connections[aliases[0]].in_atomic_block
        if is_shared:
            wait, left = patiently(partial(_take_shared, aliases[0], backend, cost))
        else:
            wait, left = _take(backend, cost)
    except Error as error:
        logger.warning("The budget of %s is not shared: %s", backend.alias, error)
        wait, left = _take(backend, cost)
    if wait or left < _LOW * backend.burst:
        _warn(backend, left)
    return wait


def _take_shared(using: str, backend: BaseBackend, cost: int) -> tuple[float, float]:
    model = apps.get_model("dumper_purge", "OutboxNode")
    rows = model.objects.using(using)
    key = node_key(backend.alias, "")
    if not rows.filter(pk=key).exists():
        rows.get_or_create(key=key, defaults={"alias": backend.alias})
    with begin_writing(using), transaction.atomic(using=using):
        row = locked(rows, key)
        now = sql.clock(using)
        found = _Bucket(backend.burst if row.tokens is None else row.tokens, row.refilled_at or now)
        wait = _drain(found, backend, cost, now)
        row.tokens, row.refilled_at = found.tokens, found.at
        row.save(using=using, update_fields=["tokens", "refilled_at"])
    return wait, found.tokens


def _take(backend: BaseBackend, cost: int) -> tuple[float, float]:
    with _lock:
        now = time.monotonic()
        found = _own.setdefault(backend.alias, _Bucket(backend.burst, now))
        return _drain(found, backend, cost, now), found.tokens


def _drain(bucket: _Bucket, backend: BaseBackend, cost: int, now: float) -> float:
    """Refill a bucket and take from it; what costs more than it holds empties it below zero."""
    assert backend.rate is not None
    passed = max(now - bucket.at, 0.0)
    bucket.tokens = min(bucket.tokens + passed * backend.rate, float(backend.burst))
    bucket.at = now
    needed = min(cost, backend.burst)
    if bucket.tokens < needed:
        return (needed - bucket.tokens) / backend.rate
    bucket.tokens -= cost
    return 0.0


def _warn(backend: BaseBackend, left: float) -> None:
    now = time.monotonic()
    if now >= _warned.get(backend.alias, 0.0) and backend.burst > 1:
        _warned[backend.alias] = now + _WARN_AGAIN
        logger.warning(
            "%s has %.0f of its %d purges left; %.3g come back a second. Purge less, or by tags.",
            backend.alias, max(left, 0), backend.burst, backend.rate,
        )  # fmt: skip
