"""Deliveries to real nodes, of which one may be gone."""

import threading

import pytest

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, retry
from tests.backends.origin import Origin, get, serving
from tests.varnish import Varnishd

pytestmark = pytest.mark.needs("varnishd")

PAGE = "/page/"
BATCH = PurgeBatch.of([PAGE])


@pytest.fixture(scope="module")
def nodes():
    with (
        serving() as origin,
        Varnishd(backend_port=origin.server_port) as one,
        Varnishd(backend_port=origin.server_port) as two,
    ):
        yield one, two


def edge(*nodes, **options):
    return {
        "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
        "LOCATION": [node.url for node in nodes],
        "HOSTS": ["a.example"],
        "OPTIONS": {"token": nodes[0].token, **options},
    }


@pytest.mark.parametrize("method", ["purge", "xkey", "ban"])
def test_every_node_is_fresh_when_the_delivery_returns(settings, nodes, method):
    settings.DUMPER_BACKENDS = {"edge": edge(*nodes, method=method)}
    before = [get(node, PAGE) for node in nodes]

    delivery.deliver(BATCH)

    after = [get(node, PAGE) for node in nodes]
    assert not set(before) & set(after)


def test_a_page_that_is_being_rendered_is_gone_once_it_has_arrived(settings, nodes):
    settings.DUMPER_BACKENDS = {"edge": edge(nodes[0])}
    Origin.arrived.clear()
    Origin.go.clear()
    old = []
    visitor = threading.Thread(target=lambda: old.append(get(nodes[0], "/d/slow/")))
    visitor.start()
    assert Origin.arrived.wait(10)

    delivery.deliver(PurgeBatch.of(["/d/slow/"]))
    Origin.go.set()
    visitor.join(10)
    assert delivery.finish(10) == []

    assert get(nodes[0], "/d/slow/") != old[0]


def test_a_node_that_comes_back_is_purged_and_the_others_were_not_late(
    settings, nodes, signals, monkeypatch
):
    monkeypatch.setattr(retry, "_LONGEST", 0.2)
    one, two = nodes
    settings.DUMPER_BACKENDS = {"edge": edge(one, two)}
    before = get(one, PAGE)
    two.stop()

    delivery.deliver(BATCH)
    assert get(one, PAGE) != before
    two.start()
    assert delivery.finish(20) == []

    assert ("sent", "edge", one.url, 1) in signals
    assert ("failed", "edge", two.url, 1) in signals
    assert [signal[:3] for signal in signals].count(("sent", "edge", two.url)) == 1
