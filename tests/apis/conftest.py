from contextlib import ExitStack

import pytest

from dumper_purge.backends.options import build
from tests.apis.registry import SPECS
from tests.apis.server import serving


@pytest.fixture(params=SPECS, ids=lambda spec: spec.name)
def spec(request):
    """Every vendor, one after the other."""
    return request.param


@pytest.fixture
def stage(spec):
    """Return a function that builds the backend and serves answers to it, until the test ends."""
    with ExitStack() as stack:

        def build_for(answers, **options):
            vendor = stack.enter_context(serving(answers))
            return build_backend(spec, vendor.url, **options), vendor

        yield build_for


def build_backend(spec, url, **options):
    entry = {
        "BACKEND": spec.backend,
        "HOSTS": list(options.pop("hosts", spec.hosts)),
        "OPTIONS": {**spec.options, "base_url": url, "read_timeout": 0.4, **options},
    }
    return build(spec.name, entry)
