"""Django's cache, read where it is written, in one operation.

A token from a lagging replica could tell that nothing was purged. Django's ``RedisCache`` with
several LOCATIONs reads from any replica and ``DatabaseCache`` from ``db_for_read``; here both are
read through the client that writes.
"""

import base64
import pickle
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.memcached import BaseMemcachedCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.db import connections, router

__all__ = ["Key", "is_shared", "read", "reports_failures", "write"]


class Key(NamedTuple):
    """A key as users of the cache write it, and as the cache itself does."""

    plain: str
    made: str


class _Reader(Protocol):
    def __call__(self, cache: Any, keys: Sequence[Key]) -> list[Any]: ...


def read(cache: BaseCache, keys: Sequence[Key]) -> list[Any]:
    """Return what the primary has under each key, None where it has nothing.

    Raises what the client raises.
    """
    kind = type(cache)
    try:
        reader = _readers[kind]
    except KeyError:
        reader = _readers[kind] = _reader_of(kind)
    return reader(cache, keys)


def write(cache: Any, keys: Sequence[Key], value: str) -> Sequence[Key]:
    """Store one value for ever under all keys; return those under which it was not stored."""
    kind: type[BaseCache] = type(cache)
    if kind is LocMemCache:
        # Checking the keys again would cost more than storing the values.
        packed = pickle.dumps(value, cache.pickle_protocol)
        with cache._lock:
            for key in keys:
                cache._set(key.made, packed, None)
        return ()
    failed = set(cache.set_many({key.plain: value for key in keys}, None))
    if failed or reports_failures(cache):
        return [key for key in keys if key.plain in failed]
    return [key for key, found in zip(keys, read(cache, keys), strict=True) if found != value]


def keeps_nothing(cache: BaseCache) -> bool:
    """Tell whether what is written to a cache is never found there."""
    return isinstance(cache, DummyCache)


def is_shared(cache: BaseCache, *, single_process: bool) -> bool:
    """Tell whether a purge in any process of the site is seen by all of them."""
    if keeps_nothing(cache):
        return False
    return single_process or not isinstance(cache, LocMemCache)


def reports_failures(cache: BaseCache) -> bool:
    """Tell whether ``set_many`` raises, or names the keys, when a write did not happen.

    DatabaseCache swallows database errors, and clients of others may be told to ignore failures.
    """
    return isinstance(cache, (RedisCache, BaseMemcachedCache, FileBasedCache, LocMemCache))


_readers: dict[type, _Reader] = {}


def _reader_of(kind: type) -> _Reader:
    if kind is LocMemCache:
        return _read_locmem
    if issubclass(kind, RedisCache):
        return _read_redis
    if issubclass(kind, DatabaseCache):
        return _read_database
    return _read_any


def _read_any(cache: BaseCache, keys: Sequence[Key]) -> list[Any]:
    found = cache.get_many([key.plain for key in keys])
    return [found.get(key.plain) for key in keys]


def _read_locmem(cache: Any, keys: Sequence[Key]) -> list[Any]:
    # One lock for all, and none of the checks of keys that only Memcached needs.
    values, expiry, packed = cache._cache, cache._expire_info, []
    with cache._lock:
        for _, name in keys:
            until = expiry.get(name, 0)
            if until is None or until > time.time():
                packed.append(values[name])
                values.move_to_end(name, last=False)
            else:
                packed.append(None)
    return [
        None if value is None else (_token(value) if len(value) < _SHORT else pickle.loads(value))
        for value in packed
    ]


# Nothing but tokens, and lists of Vary's members, is so short; nobody changes either.
_SHORT = 64
_token = lru_cache(4096)(pickle.loads)


_clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _read_redis(cache: Any, keys: Sequence[Key]) -> list[Any]:
    backend: Any = cache._cache
    if not _is_plain(backend):
        # It may keep each key on a server of its own.
        return _read_any(cache, keys)
    client = _clients.get(backend)
    if client is None:
        # Django builds a client for each operation, which costs more than the operation.
        client = _clients[backend] = backend.get_client(None, write=True)
    loads = backend._serializer.loads
    values = client.mget([key.made for key in keys])
    return [None if value is None else loads(value) for value in values]


def _is_plain(backend: object) -> bool:
    return type(backend) is RedisCacheClient


def _read_database(cache: Any, keys: Sequence[Key]) -> list[Any]:
    # Timeouts are ignored: tokens have none, and a page says itself until when it may be used.
    connection = connections[router.db_for_write(cache.cache_model_class)]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quote('cache_key')}, {quote('value')} FROM {quote(cache._table)}"
            f" WHERE {quote('cache_key')} IN ({', '.join(['%s'] * len(keys))})",
            [key.made for key in keys],
        )
        found = {name: connection.ops.process_clob(value) for name, value in cursor.fetchall()}
    return [_unpacked(found.get(key.made)) for key in keys]


def _unpacked(value: str | None) -> Any:
    return None if value is None else pickle.loads(base64.b64decode(value))
