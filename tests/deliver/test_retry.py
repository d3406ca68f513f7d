"""When a failed attempt is made again."""

import pytest

from dumper_purge.deliver.retry import MAX_ATTEMPTS, next_attempt
from dumper_purge.exceptions import Rejected, Transient


def test_a_rejection_is_not_tried_again():
    assert next_attempt(Rejected("no"), 1) is None
    assert next_attempt(Rejected("no"), 1, endless=True) is None


def test_a_node_that_is_down_is_never_given_up():
    assert next_attempt(Transient("down"), MAX_ATTEMPTS) is not None
    assert next_attempt(Transient("down"), 10_000) is not None


def test_a_bug_is_tried_again_a_bounded_number_of_times():
    assert next_attempt(KeyError("bug"), MAX_ATTEMPTS - 1) is not None
    assert next_attempt(KeyError("bug"), MAX_ATTEMPTS) is None
    assert next_attempt(KeyError("bug"), 10_000, endless=True) is not None


@pytest.mark.parametrize("attempts, longest", [(1, 1), (2, 2), (3, 4), (4, 8), (1_000, 8)])
def test_the_wait_grows_with_full_jitter_up_to_a_bound(attempts, longest):
    waits = [next_attempt(Transient("down"), attempts, endless=True) for _ in range(400)]

    assert 0 <= min(waits) < longest * 0.2
    assert longest * 0.8 < max(waits) <= longest


def test_retry_after_is_honoured():
    assert next_attempt(Transient("slow down", retry_after=100), 1) == 100
    assert next_attempt(Transient("slow down", retry_after=0), 1) <= 1
