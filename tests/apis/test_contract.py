"""What every backend for an API must do, whatever its vendor's words for it are."""

import time

import pytest

from dumper_purge.backends.api.purge import Purge
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient, Unfinished
from tests.apis.server import CUT, HANG, RESET, Answer

PATHS = PurgeBatch(paths=frozenset({"/a/", "/b/", "/c/"}))
MANY = PurgeBatch(paths=frozenset(f"/page/{number}/" for number in range(40)))
BATCHES = {
    "paths": PATHS,
    "a URL": PurgeBatch(urls=frozenset({"https://www.example.com/a/"})),
    "tags": PurgeBatch(tags=frozenset({"menu", "shop.flavour:5"})),
    "a folder": PurgeBatch(prefixes=frozenset({"/news/"})),
    "a deep folder": PurgeBatch(prefixes=frozenset({"/a/b/c/d/e/"})),
    "a prefix": PurgeBatch(prefixes=frozenset({"/news/20"})),
    "a pattern": PurgeBatch(patterns=frozenset({r"/news/[0-9]+/"})),
    "everything": PurgeBatch(everything=True),
    "all together": PurgeBatch(
        paths=frozenset({"/a/"}), tags=frozenset({"menu"}), prefixes=frozenset({"/news/"})
    ),
}


def answering(spec):
    return lambda request, number: spec.done(request) if callable(spec.done) else spec.done


def asked(spec, vendor):
    """Return what the vendor was asked to purge, once for each time."""
    requests = [request for request in vendor.received if not spec.extra_requests(request)]
    return [item for request in requests for item in spec.purged(request)]


def bad(spec, name, answer):
    """Answer badly to whatever call has an item, and well to the others."""

    def answers(request, number):
        if not spec.extra_requests(request) and any(name in one for _, one in spec.purged(request)):
            return answer
        return answering(spec)(request, number)

    return answers


def test_an_empty_batch_asks_nothing(spec, stage):
    backend, vendor = stage(answering(spec))

    backend.send(PurgeBatch(), spec.name)

    assert vendor.received == []


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_every_kind_of_batch_is_accepted(spec, stage, batch):
    backend, vendor = stage(answering(spec))

    backend.send(batch, spec.name)

    assert asked(spec, vendor)


def test_each_thing_is_purged_once(spec, stage):
    backend, vendor = stage(answering(spec))

    backend.send(MANY, spec.name)

    purged = asked(spec, vendor)
    assert len(purged) == len(set(purged)) >= 40


def test_calls_are_as_large_as_the_vendor_takes(spec, stage):
    backend, vendor = stage(answering(spec), rate=None)

    backend.send(PurgeBatch(paths=frozenset(f"/{number}/" for number in range(600))), spec.name)

    requests = [request for request in vendor.received if not spec.extra_requests(request)]
    sizes = sorted((len(spec.purged(request)) for request in requests), reverse=True)
    operation = next(iter(spec.purged(requests[0])))[0]
    assert sizes[0] <= spec.per_call[operation]
    assert len(requests) == -(-600 // spec.per_call[operation])


@pytest.mark.parametrize("fault", [HANG, RESET, CUT], ids=["hangs", "resets", "is cut off"])
def test_no_answer_is_tried_again(spec, stage, fault):
    backend, _ = stage(fault)

    with pytest.raises(Transient) as caught:
        backend.send(PATHS, spec.name)

    assert caught.value.left == PATHS
    assert spec.name in str(caught.value)


def test_nobody_there_is_tried_again(spec, stage):
    backend, vendor = stage(answering(spec))
    vendor.close()

    with pytest.raises(Transient) as caught:
        backend.send(PATHS, spec.name)

    assert caught.value.left == PATHS


def test_an_overloaded_vendor_is_tried_again(spec, stage):
    for answer in spec.transient:
        backend, _ = stage(answer)

        with pytest.raises(Transient) as caught:
            backend.send(PATHS, spec.name)

        assert caught.value.left == PATHS


def test_a_throttled_purge_waits_as_long_as_the_vendor_says(spec, stage):
    backend, _ = stage(spec.throttled)

    with pytest.raises(Transient) as caught:
        backend.send(PATHS, spec.name)

    assert caught.value.retry_after == pytest.approx(spec.throttled_for, abs=2)
    assert caught.value.left == PATHS


def test_what_does_not_say_that_it_was_done_was_not(spec, stage):
    for answer in spec.unconfirmed:
        backend, _ = stage(answer)

        with pytest.raises((Transient, Rejected)) as caught:
            backend.send(PATHS, spec.name)

        assert caught.value.left == PATHS


def test_a_wrong_token_or_zone_is_rejected_at_once(spec, stage):
    for answer in spec.refused:
        backend, _ = stage(answer)

        with pytest.raises(Rejected) as caught:
            backend.send(PATHS, spec.name)

        assert caught.value.left == PATHS
        assert backend.remedy in str(caught.value)


def test_after_a_refusal_no_further_call_is_made(spec, stage):
    if not spec.refused:
        pytest.skip("this vendor refuses nothing")
    backend, vendor = stage(spec.refused[0], concurrency=1)

    with pytest.raises(Rejected):
        backend.send(MANY, spec.name)

    assert len([one for one in vendor.received if not spec.extra_requests(one)]) == 1


def test_too_big_a_call_is_halved(spec, stage):
    if spec.too_big is None:
        pytest.skip("this vendor takes one item in a call")

    def answers(request, number):
        too_big = not spec.extra_requests(request) and len(spec.purged(request)) > 7
        return spec.too_big if too_big else answering(spec)(request, number)

    backend, vendor = stage(answers)

    backend.send(MANY, spec.name)

    good = [one for one in vendor.received if not spec.extra_requests(one)]
    done = [item for one in good if len(items := spec.purged(one)) <= 7 for item in items]
    assert len(done) == len(set(done)) == 40


def test_a_bad_item_is_found_and_the_others_are_purged(spec, stage):
    if spec.bad_item is None:
        pytest.skip("this vendor knows no bad items")
    planned = [item.name for item in backend_plan(spec, stage)]
    backend, vendor = stage(bad(spec, planned[3], spec.bad_item), rate=None)

    with pytest.raises(Rejected) as caught:
        backend.send(MANY, spec.name)

    assert len(caught.value.left.paths) == 1
    good = [request for request in vendor.received if not spec.extra_requests(request)]
    purged = {
        item for one in good for item in spec.purged(one)
        if not any(planned[3] in name for _, name in spec.purged(one))
    }  # fmt: skip
    assert len(purged) == 39


def backend_plan(spec, stage):
    from dumper_purge.backends.api.planning import planned

    backend, _ = stage(answering(spec))
    return planned(backend, MANY).items


def test_what_was_purged_before_a_failure_is_not_purged_again(spec, stage):
    def answers(request, number):
        later = len([one for one in vendors[0].received if not spec.extra_requests(one)]) > 1
        return Answer(503, "{}") if later else answering(spec)(request, number)

    paths = frozenset(f"/{number}/" for number in range(600))
    vendors = []
    backend, vendor = stage(lambda request, number: answers(request, number), concurrency=1)
    vendors.append(vendor)
    if len(backend_calls(backend, paths)) == 1:
        pytest.skip("one call takes all of it")

    with pytest.raises(Transient) as caught:
        backend.send(PurgeBatch(paths=paths), spec.name)

    first = next(request for request in vendor.received if not spec.extra_requests(request))
    assert len(caught.value.left.paths) == 600 - len(spec.purged(first))


def backend_calls(backend, paths):

    return Purge(backend, PurgeBatch(paths=paths))._calls


def test_a_rate_lets_as_many_calls_go_as_it_allows(spec, stage):
    paths = frozenset(f"/{number}/" for number in range(600))
    backend, vendor = stage(answering(spec), rate=10.0, burst=2)
    calls = backend_calls(backend, paths)
    if len(calls) <= 2:
        pytest.skip("two calls take all of it")

    with pytest.raises(Unfinished) as caught:
        backend.send(PurgeBatch(paths=paths), spec.name)

    made = [request for request in vendor.received if not spec.extra_requests(request)]
    assert len(made) == 2
    assert len(caught.value.left.paths) == 600 - sum(map(len, calls[:2]))


def test_calls_are_made_beside_each_other(spec, stage):
    def answers(request, number):
        time.sleep(0.05)
        return answering(spec)(request, number)

    paths = frozenset(f"/{number}/" for number in range(2_000))
    backend, vendor = stage(answers, rate=None, concurrency=4, read_timeout=5.0)
    if len(backend_calls(backend, paths)) < 4:
        pytest.skip("fewer calls take all of it")

    backend.send(PurgeBatch(paths=frozenset(list(paths)[:600])), spec.name)

    assert 1 < vendor.most_at_once <= 4
