"""A site behind the middleware, and what its tests look at."""

import pytest
from django.core.cache import caches
from django.test import Client

from dumper_purge.batch import PurgeBatch
from dumper_purge.respond import fence, hints
from tests.respond import urls


@pytest.fixture(autouse=True)
def site(settings):
    """Start each test with the site of urls.py and nothing remembered."""
    settings.ROOT_URLCONF = "tests.respond.urls"
    urls.rendered.clear()
    urls.Fixture.text = "one"
    urls.Fixture.during = staticmethod(lambda request: None)
    caches["default"].clear()
    hints.forget()
    fence._unrecorded.clear()
    return urls.Fixture


@pytest.fixture
def rendered():
    """Return the list of requests that reached a view."""
    return urls.rendered


@pytest.fixture
def client():
    """Return a client without cookies."""
    return Client()


@pytest.fixture
def purge():
    """Return a function that does what a purge does to the page cache."""
    return lambda *paths, **kwargs: fence.record(PurgeBatch.of(paths, **kwargs))
