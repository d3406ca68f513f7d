"""Pages and tokens in a real Redis."""

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from dumper_purge.paths import path_tag
from dumper_purge.respond import shared_cache
from dumper_purge.respond.layers import current_layers
from tests.bench.redis import redis_server

pytestmark = [pytest.mark.django_db, pytest.mark.needs("redis-server")]


@pytest.fixture(scope="module")
def servers():
    """Start a primary, and a replica that lags for ever."""
    with redis_server() as first, redis_server() as second:
        yield [first, second]


def use(settings, location, **options):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": location,
            **options,
        }
    }
    caches["default"].clear()


def test_pages_are_stored_and_purged(client, settings, servers, purge):
    use(settings, servers[0])
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_with_replicas_everything_is_read_from_the_primary(client, settings, servers, purge):
    use(settings, servers)
    client.get("/page/")
    for _ in range(5):
        assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_full_redis_that_evicts_nothing_still_records_purges(
    client, settings, servers, purge, caplog
):
    """SET is refused there while GET works: other processes would go on serving the old page."""
    use(settings, servers[0])
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    server = caches["default"]._cache.get_client(write=True)
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)
    try:
        purge("/page/")
        generations = current_layers().generations
        assert generations.peek(["*", path_tag("/page/")]) == {}
        assert client.get("/page/")["Cache-Status"] != "dumper; hit"
    finally:
        server.config_set("maxmemory", 0)

    assert "took no new generations" in caplog.text
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_nothing_ever_expires(client, settings, servers):
    use(settings, servers[0], TIMEOUT=1)
    client.get("/page/")
    server = caches["default"]._cache.get_client(write=True)

    assert {server.ttl(key) for key in server.scan_iter()} == {-1}


def test_a_prefix_and_a_version_of_the_cache_are_respected(client, settings, servers):
    use(settings, servers[0], KEY_PREFIX="shop", VERSION=7)
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    server = caches["default"]._cache.get_client(write=True)

    assert all(key.startswith(b"shop:7:") for key in server.scan_iter())


class Sharded(RedisCacheClient):
    """A client that might keep each key on a server of its own."""

    asked = []

    def get_many(self, keys):
        self.asked.append(list(keys))
        return super().get_many(keys)


class ShardedCache(RedisCache):
    """The cache that uses it."""

    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = Sharded


def test_a_client_of_another_kind_is_asked_as_it_wants(settings, servers):
    use(settings, servers[0])
    settings.CACHES["default"]["BACKEND"] = "tests.respond.test_redis.ShardedCache"
    settings.CACHES = dict(settings.CACHES)
    shared_cache.read(caches["default"], [current_layers().generations.any_key])

    assert Sharded.asked == [[":1:dumper.cached_path.g.*"]]
