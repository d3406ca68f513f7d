"""Debian 13's Varnish runs the cases of the shipped VCL."""

import pytest

from demo.machine.packages import SetUpError
from tests.releases.cases import RELEASES

pytestmark = pytest.mark.stress


@pytest.fixture(scope="module")
def release(request):
    if request.config.getoption("--without-servers"):
        pytest.skip("--without-servers: no other Varnish is fetched")
    release = RELEASES["trixie"]
    try:
        with release.debian.ready():
            yield release
    except SetUpError as problem:
        pytest.skip(str(problem))


def test_every_case_passes(release, capsys):
    version = release.version()

    failures = release.failures()

    with capsys.disabled():
        print(f"\nVCL cases also run on {version}")
    print(*(f"{name}\n{reason}\n" for name, reason in failures.items()))
    assert "varnish-7." in version
    assert sorted(failures) == []
