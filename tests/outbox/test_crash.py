"""A process may be killed at any moment: what it has committed is purged everywhere."""

import pytest

from tests.outbox.conftest import SERVERS
from tests.outbox.crash import Loop, site
from tests.outbox.site.writes import WRITES

pytestmark = pytest.mark.stress
KINDS = ["sqlite_wal", SERVERS[0]]


@pytest.fixture
def site_with(request, tmp_path):
    """Return how to make a site on a database of a kind."""
    kind = request.getfixturevalue(request.param)
    databases = kind.fresh(tmp_path)
    return lambda **settings: site(tmp_path, databases["default"], **settings)


@pytest.mark.parametrize("site_with", KINDS, indirect=True)
@pytest.mark.parametrize("write", WRITES)
def test_no_purge_is_lost_wherever_a_process_is_killed(site_with, write):
    with site_with() as made:
        loop = Loop(made, write).run()

    print(f"{write}: killed at {loop.tried} boundaries, {loop.committed} of them committed")
    assert loop.lost == []
    assert loop.wrong == []
    assert 0 < loop.committed < loop.tried


@pytest.mark.parametrize("site_with", KINDS, indirect=True)
def test_no_purge_is_lost_wherever_the_sweep_of_it_is_killed_as_well(site_with):
    with site_with() as made:
        loop = Loop(made, "save").run_sweeps("after _commit")

    print(f"killed sweeps at {loop.tried} boundaries")
    assert loop.lost == []
    assert loop.wrong == []
    assert loop.tried == loop.committed - 1


@pytest.mark.parametrize("site_with", KINDS, indirect=True)
@pytest.mark.parametrize("write", ["save", "save in a transaction"])
def test_without_an_outbox_purges_are_lost(site_with, write):
    with site_with(DUMPER_OUTBOX=False) as made:
        loop = Loop(made, write).run()

    print(f"{write}: lost at {len(loop.lost)} of {loop.tried} boundaries")
    assert loop.lost
