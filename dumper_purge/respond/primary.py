"""Django's cache, read where it is written.

A token from a lagging replica could tell that nothing was purged. Django's ``RedisCache`` with
several LOCATIONs reads from any replica and ``DatabaseCache`` from ``db_for_read``; here both are
read through the client that writes.
"""

import base64
import pickle
import time
from collections.abc import Sequence
from functools import cache as memoised
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import BaseMemcachedCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.db import connections, router

__all__ = ["is_shared", "read_many", "reports_failures"]


class _Reader(Protocol):
    def __call__(self, cache: Any, keys: Sequence[str]) -> dict[str, Any]: ...


def read_many(cache: BaseCache, keys: Sequence[str]) -> dict[str, Any]:
    """Return the values that the primary has, in one operation; raise what the client raises."""
    return _reader(type(cache))(cache, keys)


def is_shared(cache: BaseCache, *, single_process: bool) -> bool:
    """Tell whether a purge in any process of the site is seen by all of them."""
    if isinstance(cache, DummyCache):
        return False
    return single_process or not isinstance(cache, LocMemCache)


def reports_failures(cache: BaseCache) -> bool:
    """Tell whether ``set_many`` raises, or names the keys, when a write did not happen.

    DatabaseCache swallows database errors, and clients of others may be told to ignore failures.
    """
    return isinstance(cache, (RedisCache, BaseMemcachedCache, FileBasedCache, LocMemCache))


@memoised
def _reader(kind: type[BaseCache]) -> _Reader:
    if issubclass(kind, RedisCache):
        return _read_redis
    if issubclass(kind, DatabaseCache):
        return _read_database
    if kind is LocMemCache:
        return _read_locmem
    return _read_any


def _read_any(cache: BaseCache, keys: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = cache.get_many(keys)
    return found


def _read_locmem(cache: Any, keys: Sequence[str]) -> dict[str, Any]:
    # One lock for all, and none of the checks of keys that only Memcached needs.
    packed = {}
    values, expiry = cache._cache, cache._expire_info
    with cache._lock:
        for key in keys:
            name = cache.make_key(key)
            until = expiry.get(name, 0)
            if until is None or until > time.time():
                packed[key] = values[name]
                values.move_to_end(name, last=False)
    return {key: pickle.loads(value) for key, value in packed.items()}


_clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _read_redis(cache: Any, keys: Sequence[str]) -> dict[str, Any]:
    backend = cache._cache
    if type(backend) is not RedisCacheClient:
        return _read_any(cache, keys)
    client = _clients.get(backend)
    if client is None:
        # Django builds a client for each operation, which costs more than the operation.
        client = _clients[backend] = backend.get_client(None, write=True)
    values = client.mget([*map(cache.make_key, keys)])
    loads = backend._serializer.loads
    return {key: loads(value) for key, value in zip(keys, values, strict=True) if value is not None}


def _read_database(cache: Any, keys: Sequence[str]) -> dict[str, Any]:
    # Timeouts are ignored: tokens have none, and a page says itself until when it may be used.
    connection = connections[router.db_for_write(cache.cache_model_class)]
    quote = connection.ops.quote_name
    names = {cache.make_key(key): key for key in keys}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quote('cache_key')}, {quote('value')} FROM {quote(cache._table)}"
            f" WHERE {quote('cache_key')} IN ({', '.join(['%s'] * len(names))})",
            list(names),
        )
        rows = cursor.fetchall()
    return {names[key]: _unpacked(connection.ops.process_clob(value)) for key, value in rows}


def _unpacked(value: str) -> Any:
    return pickle.loads(base64.b64decode(value))
