"""Each point at our VCL, and the README's table of all three proxies."""

import re
import subprocess

import pytest

from tests import varnish
from tests.conformance import table
from tests.conformance.proxies import OURS, POINTS, PROXIES, outcomes
from tests.nginx import server

pytestmark = [pytest.mark.needs("varnishd"), pytest.mark.stress]

ATTEMPTS = 3
"""How often the others are asked: on a busy machine chance decides what they do within a second."""
TABLE_OF = ((7, 1), "1.22")
"""The versions of Varnish and nginx that the table was made with, Debian 12's."""


@pytest.fixture(scope="module")
def ours():
    return outcomes(OURS)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.id)
def test_our_vcl(point, ours):
    if ours[point.id] is not None:
        raise ours[point.id]


def test_each_point_has_a_row_and_a_name_of_its_own():
    rows = [sum(table._is_of(point, section) for section in table.SUBJECTS) for point in POINTS]

    assert set(rows) == {1}
    assert len({point.id for point in POINTS}) == len(POINTS)


@pytest.mark.needs("nginx")
def test_the_table_is_what_the_proxies_do(ours):
    if _versions() != TABLE_OF:
        pytest.skip(f"the table is of {TABLE_OF}")
    kept = table.KEPT.read_text().splitlines()
    for _ in range(ATTEMPTS):
        others = {name: outcomes(name) for name in PROXIES if name != OURS}
        found = list(table.lines({OURS: ours, **others}))
        if found == kept:
            break

    assert found == kept


def _versions():
    shown = subprocess.run([server.EXECUTABLE, "-v"], capture_output=True, text=True, check=True)
    match = re.search(r"nginx/(\d+\.\d+)", shown.stderr)
    return varnish.version(), match and match[1]
