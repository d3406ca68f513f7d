"""What all tests share: empty caches, and a word on the servers that some of them need."""

import shutil

import pytest
from django.core.cache import caches

from demo.machine.packages import PATH


def pytest_addoption(parser):
    parser.addoption(
        "--without-servers", action="store_true", help="skip the tests whose server is missing"
    )


def pytest_runtest_setup(item):
    needed = {name for marker in item.iter_markers("needs") for name in marker.args}
    absent = sorted(name for name in needed if shutil.which(name, path=PATH) is None)
    if not absent:
        return
    message = f"{', '.join(absent)} not installed"
    if item.config.getoption("--without-servers"):
        pytest.skip(message)
    pytest.fail(f"{message}: 'python3 tests' installs it, --without-servers skips", pytrace=False)


@pytest.fixture(autouse=True)
def empty_caches():
    """Start with nothing stored and nothing purged."""
    for cache in caches.all(initialized_only=True):
        cache.clear()
