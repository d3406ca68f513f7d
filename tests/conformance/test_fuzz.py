"""Whatever visitors and the origin send: nothing private is stored, purged, or broken."""

import os
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.case import HOST
from tests.conformance.fuzz import pages, requests
from tests.conformance.made import Made, answered, sent
from tests.conformance.origin import Answer, serving
from tests.varnish import Varnishd

pytestmark = [pytest.mark.needs("varnishd"), pytest.mark.stress]

# About 20 seconds; DUMPER_FUZZ=100000 looks for longer.
fuzzed = settings(
    max_examples=int(os.environ.get("DUMPER_FUZZ", "400")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PLAIN = Made(method="GET", target="{path}", host=HOST, headers=(), body=b"")
numbers = count()


@pytest.fixture(scope="module")
def origin():
    with serving() as origin:
        origin.rules["/canary/"] = [
            Answer(headers=[("Surrogate-Control", "max-age=600"), ("xkey", "canary")])
        ]
        yield origin


@pytest.fixture(scope="module")
def varnishd(origin):
    with Varnishd(backend_port=origin.port) as varnishd:
        pid = varnishd.adm("pid")
        yield varnishd
        assert varnishd.adm("pid") == pid, varnishd.adm("panic.show")


def rendering(received):
    return received.partition(b"rendering ")[2]


@fuzzed
@given(page=pages(), request=requests)
def test_no_answer_of_one_visitor_is_shown_to_another(origin, varnishd, page, request):
    path = f"/fuzz/{next(numbers)}/"
    origin.rules[path] = [Answer(headers=page.headers)]
    one_visitor = request.text(path)

    first = sent(varnishd.port, one_visitor)
    second, third = (sent(varnishd.port, PLAIN.text(path)) for _ in range(2))

    assert 503 not in answered(first) or request.may_be_cut_short
    assert 503 not in answered(second) + answered(third)
    if page.personal:
        shown = [rendering(received) for received in (first, second, third)]
        assert rendering(second)
        assert len({*filter(None, shown)}) == len([*filter(None, shown)])


@fuzzed
@given(page=pages(), request=requests, value=st.sampled_from(["Basic eDp5", "", "x"]))
def test_no_answer_to_authorization_is_shown_to_another(origin, varnishd, page, request, value):
    path = f"/fuzz/{next(numbers)}/"
    origin.rules[path] = [Answer(headers=page.headers)]
    headers = (*request.headers, ("Authorization", value or "x"))
    known = Made(**(vars(request) | {"headers": headers}))

    first, second = sent(varnishd.port, known.text(path)), sent(varnishd.port, PLAIN.text(path))

    assert rendering(second)
    assert rendering(first) != rendering(second)


@fuzzed
@given(request=requests)
def test_no_visitor_can_purge(origin, varnishd, request):
    canary = sent(varnishd.port, PLAIN.text("/canary/"))

    received = sent(varnishd.port, request.text("/canary/"))

    assert rendering(sent(varnishd.port, PLAIN.text("/canary/"))) == rendering(canary) != b""
    assert b"Purged" not in received
    assert b"Banned" not in received
    assert 503 not in answered(received) or request.may_be_cut_short
