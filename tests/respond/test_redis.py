"""Pages and tokens in a real Redis."""

import pytest
from django.core.cache import caches

from dumper_purge.respond import primary
from dumper_purge.respond.layers import layers
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


def test_nothing_ever_expires(client, settings, servers):
    use(settings, servers[0], TIMEOUT=1)
    client.get("/page/")
    server = caches["default"]._cache.get_client(write=True)

    assert {server.ttl(key) for key in server.keys()} == {-1}


def test_a_prefix_and_a_version_of_the_cache_are_respected(client, settings, servers):
    use(settings, servers[0], KEY_PREFIX="shop", VERSION=7)
    client.get("/page/")
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    server = caches["default"]._cache.get_client(write=True)

    assert all(key.startswith(b"shop:7:") for key in server.keys())


def test_a_client_that_keeps_each_key_on_a_server_of_its_own_is_asked_as_it_wants(
    client, settings, servers, monkeypatch
):
    from django.core.cache.backends.redis import RedisCacheClient

    class Sharded(RedisCacheClient):
        def get_many(self, keys):
            asked.append(list(keys))
            return super().get_many(keys)

    asked = []
    use(settings, servers[0])
    monkeypatch.setattr(caches["default"], "_class", Sharded)
    primary.read(caches["default"], [layers().generations.any_key])

    assert asked == [[":1:dumper.cached_path.g.*"]]
