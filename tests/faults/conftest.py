"""The fault site on the embedded page cache, with real commits."""

import pytest
from django.core.cache import cache

from tests.faults import urls


@pytest.fixture(autouse=True)
def site(settings, transactional_db):
    settings.ROOT_URLCONF = "tests.faults.urls"
    cache.clear()
    urls.renders.clear()
    yield
    urls.during.clear()
    cache.clear()
