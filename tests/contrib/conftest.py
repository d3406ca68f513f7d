"""Brokers, and sites that use them."""

import socket
from contextlib import ExitStack

import pytest
from redis import Redis

from tests.bench.redis import redis_server
from tests.contrib.site import site


@pytest.fixture(scope="module")
def server():
    with redis_server() as url:
        yield url


@pytest.fixture
def broker(server):
    """Return the URL of a real Redis that is empty."""
    with Redis.from_url(server) as client:
        client.flushall()
    return server


@pytest.fixture
def mute():
    """Return a port whose connections are accepted and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def full():
    """Return a port that, as a host behind a firewall does, drops whatever comes."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def site_with(tmp_path):
    """Make a site with these settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(site(tmp_path, **settings))
