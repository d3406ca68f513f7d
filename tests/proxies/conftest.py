"""One Squid and one nginx for all of these tests, a page for each."""

from itertools import count

import pytest

from tests.conformance.case import Case
from tests.conformance.origin import serving
from tests.nginx.server import Nginx
from tests.proxies.squid import Squid

_numbers = count()


@pytest.fixture(scope="package")
def origin():
    with serving() as origin:
        yield origin


@pytest.fixture(scope="package")
def squid(origin):
    with Squid(backend_port=origin.port) as squid:
        yield squid


@pytest.fixture(scope="package")
def nginx(origin):
    with Nginx(backend_port=origin.port) as nginx:
        yield nginx


@pytest.fixture
def page(origin):
    """Return a function: a page of its own, asked for at a proxy."""

    def new(proxy):
        return Case(origin, proxy.port, f"/page/{next(_numbers)}/")

    return new
