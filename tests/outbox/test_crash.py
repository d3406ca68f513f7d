"""A process may be killed at any moment: what it has committed is purged everywhere."""

from itertools import pairwise

import django
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
    database = kind.fresh(tmp_path)["default"]

    def made(mode=None, **settings):
        options = dict(database.get("OPTIONS", {}))
        if mode and kind.vendor == "sqlite":
            options["transaction_mode"] = mode
        return site(tmp_path, database | {"OPTIONS": options}, **settings)

    return made


def ridden(told):
    """Tell whether a row was deleted between the beginning of a transaction and its end."""
    labels = [each["label"] for each in told if "label" in each]
    return any("WITH gone AS" in label for label in labels) or any(
        each == 'after DELETE FROM "dumper_purge_outboxentry"' and after == "before _commit"
        for each, after in pairwise(labels)
    )


@pytest.mark.parametrize("site_with", KINDS, indirect=True)
@pytest.mark.parametrize("write", WRITES)
def test_no_purge_is_lost_wherever_a_process_is_killed(site_with, write):
    with site_with() as made:
        loop = Loop(made, write).run()

    print(f"{write}: killed at {loop.tried} boundaries, {loop.committed} of them committed")
    assert loop.lost == []
    assert loop.wrong == []
    assert 0 < loop.committed < loop.tried


@pytest.mark.skipif(django.VERSION < (5, 1), reason="SQLite takes a transaction_mode since 5.1")
@pytest.mark.parametrize("site_with", KINDS, indirect=True)
def test_no_purge_is_lost_while_rows_wait_to_be_deleted_with_the_next(site_with):
    with site_with(mode="IMMEDIATE") as made:
        told, _ = made.order("write", "three saves")
        loop = Loop(made, "three saves").run()

    print(f"three saves: killed at {loop.tried} boundaries, {loop.committed} of them committed")
    assert ridden(told)
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
