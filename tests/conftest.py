"""What all tests share: empty caches, and a word on the servers that some of them need."""

import os

import pytest
from django.core.cache import caches

from demo.machine import packages, servers
from demo.machine.packages import Package
from tests.varnish import QUICKLY_COMPILED

PACKAGES = {
    "varnishd": servers.VARNISH,
    "nginx": servers.NGINX,
    "postgres": [servers.POSTGRES],
    "mariadb": [servers.MARIADB],
}


IN_ORDER = frozenset({"deliver", "outbox", "stress", "contrib", "setup"})
"""The rooms whose tests wait for threads and processes to do things in order, and in time."""


def pytest_addoption(parser):
    parser.addoption(
        "--without-servers", action="store_true", help="skip the tests whose server is missing"
    )


def pytest_configure():
    """Let varnishd start quickly, also where a process that a test starts does it."""
    os.environ.setdefault("VARNISHD_CC_COMMAND", QUICKLY_COMPILED)


def pytest_collection_modifyitems(items):
    """Try once more what depends on real servers, threads and time: machines may be busy.

    The summary names what needed it.
    """
    for item in items:
        on_servers = any(item.iter_markers("needs")) or any(item.iter_markers("stress"))
        if on_servers or not IN_ORDER.isdisjoint(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item):
    absent = packages.missing(_needed(item))
    if not absent:
        return
    message = f"{', '.join(absent)} not installed"
    if item.config.getoption("--without-servers"):
        pytest.skip(message)
    pytest.fail(f"{message}: 'python3 tests' installs it, --without-servers skips", pytrace=False)


def _needed(item):
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            yield from PACKAGES.get(name) or [Package(name, name)]


@pytest.fixture(autouse=True)
def empty_caches():
    """Start with nothing stored and nothing purged."""
    for cache in caches.all(initialized_only=True):
        cache.clear()
