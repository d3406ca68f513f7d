"""One nginx for all of these tests, a page for each."""

from itertools import count

import pytest

from tests.conformance.case import Case
from tests.conformance.origin import serving
from tests.nginx.server import Nginx

# What a site would write at (5): one parameter, one spelling of each value.
DECLARED = {'    "" 0;\n}\n\n# (6)': '    "" 0;\n    "~^page=[1-9][0-9]*$" 0;\n}\n\n# (6)'}
_numbers = count()


@pytest.fixture(scope="package")
def origin():
    with serving() as origin:
        yield origin


@pytest.fixture(scope="package")
def nginx(origin):
    with Nginx(backend_port=origin.port, changes=DECLARED) as nginx:
        yield nginx


@pytest.fixture
def case(origin, nginx):
    case = Case(origin, nginx.port, f"/page/{next(_numbers)}/")
    case.says(("Surrogate-Control", "max-age=600"), ("Cache-Control", "max-age=0"))
    return case


@pytest.fixture
def purger(origin, nginx, case):
    """Asks the listener for purges, about the same page."""
    return Case(origin, nginx.purge_port, case.path)
