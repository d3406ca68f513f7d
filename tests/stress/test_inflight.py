"""No page stays old, however a purge meets its render."""

import pytest

from tests.stress.inflight import inflight

pytestmark = [pytest.mark.needs("varnishd"), pytest.mark.stress]

TRIALS = 200


@pytest.mark.parametrize("method", ["purge", "xkey", "ban"])
def test_no_page_that_was_rendered_during_a_purge_stays_old(method: str) -> None:
    outcome = inflight(method, TRIALS)

    assert outcome.stale == 0
    assert outcome.undone == 0
    assert outcome.kept == TRIALS


@pytest.mark.parametrize("method", ["purge", "xkey"])
def test_without_the_fence_and_with_one_plain_purge_many_do(method: str) -> None:
    outcome = inflight(method, TRIALS, fence=False)

    assert outcome.share > 0.2
