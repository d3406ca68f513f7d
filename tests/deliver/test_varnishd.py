"""Deliveries to real nodes, of which one may be gone."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command

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


@pytest.mark.parametrize("method", ["purge", "xkey", "ban"])
def test_an_inspection_names_each_node_that_refuses_the_token(settings, nodes, method):
    settings.DUMPER_BACKENDS = {"edge": edge(*nodes, method=method)}
    call_command("dumper", "inspect", "edge", stdout=io.StringIO())
    refused = edge(*nodes, method=method)
    refused["OPTIONS"]["token"] = "one-that-is-wrong"
    settings.DUMPER_BACKENDS = {"edge": refused}
    said = io.StringIO()

    with pytest.raises(CommandError, match="2 to be seen to"):
        call_command("dumper", "inspect", "edge", stderr=said)

    assert all(f"edge at {node.url}" in said.getvalue() for node in nodes)
    assert "one-that-is-wrong" not in said.getvalue()


def test_an_inspection_purges_no_page(settings, nodes):
    settings.DUMPER_BACKENDS = {"edge": edge(*nodes)}
    before = get(nodes[0], PAGE)

    call_command("dumper", "inspect", "edge", stdout=io.StringIO())

    assert get(nodes[0], PAGE) == before
