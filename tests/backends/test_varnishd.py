"""The backend against a real varnishd with the shipped VCL."""

import threading

import pytest

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import encode_path
from tests.backends.origin import Origin, get, serving
from tests.varnish import Varnishd, example_vcl

pytestmark = pytest.mark.needs("varnishd")

HOSTS = ("a.example", "b.example:8000")


@pytest.fixture(scope="module")
def origin():
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def node(origin):
    with Varnishd(backend_port=origin.server_port) as varnishd:
        yield varnishd


def backend(node, **options):
    options = {"token": node.token, "hosts": HOSTS, **options}
    return VarnishBackend(alias="edge", location=(node.url,), **options)


def fresh_after(node, batch, pages, **options):
    """Return which of the pages are rendered anew after a purge."""
    before = {page: get(node, *page) for page in pages}
    assert all(get(node, *page) == before[page] for page in pages)

    backend(node, **options).send(batch, node.url)

    return {page for page in pages if get(node, *page) != before[page]}


METHODS = ("purge", "xkey", "ban")
A, B = ("/x/y/", "a.example"), ("/x/y/", "b.example:8000")
QUERY, DEEPER, OTHER = ("/x/y/?page=2", "a.example"), ("/x/y/z/", "a.example"), ("/o/", "a.example")
PAGES = (A, B, QUERY, DEEPER, OTHER)


@pytest.mark.parametrize(
    "method, expected", [("purge", {A, B}), ("xkey", {A, B, QUERY}), ("ban", {A, B, QUERY})]
)
def test_a_path(node, method, expected):
    assert fresh_after(node, PurgeBatch.of(["/x/y/"]), PAGES, method=method) == expected


@pytest.mark.parametrize(
    "method, expected", [("purge", {B}), ("xkey", {A, B, QUERY}), ("ban", {B})]
)
def test_a_url(node, method, expected):
    batch = PurgeBatch.of(["http://b.example:8000/x/y/"])

    assert fresh_after(node, batch, PAGES, method=method) == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_prefix(node, method):
    batch = PurgeBatch.of([Prefix("/x/y/")])

    assert fresh_after(node, batch, PAGES, method=method) == {A, B, QUERY, DEEPER}


@pytest.mark.parametrize("method", METHODS)
def test_a_pattern(node, method):
    batch = PurgeBatch.of([Pattern(r"/x/[a-y]/")])

    assert fresh_after(node, batch, PAGES, method=method) == {A, B, QUERY}


@pytest.mark.parametrize("method", METHODS)
def test_everything(node, method):
    batch = PurgeBatch(everything=True)

    assert fresh_after(node, batch, PAGES, method=method) == set(PAGES)


@pytest.mark.parametrize("method", METHODS)
def test_a_tag(node, method):
    assert fresh_after(node, PurgeBatch.of(tags=["menu"]), PAGES, method=method) == set(PAGES)


@pytest.mark.parametrize("method", ["purge", "xkey"])
def test_softly(node, method):
    batch = PurgeBatch.of(["/x/y/"])

    assert A in fresh_after(node, batch, PAGES, method=method, soft=True)


@pytest.mark.parametrize("method", METHODS)
def test_paths_with_every_kind_of_character(node, method):
    texts = [
        "/é ü/",
        "/a+b&c=d;e/",
        "/(a)[b]{c}/",
        '/"quoted"\\/',
        "/100%/",
        "/a.b*c^d|e$/",
        "/~'!,@:/",
    ]
    pages = [(encode_path(text), "a.example") for text in texts]

    batch = PurgeBatch(paths=frozenset(path for path, _ in pages))

    assert fresh_after(node, batch, pages, method=method) == set(pages)


@pytest.mark.parametrize("method", METHODS)
def test_a_thousand_paths(node, method):
    pages = [(f"/many/{i}/", "a.example") for i in range(1_000)]
    kept = ("/many/", "a.example")

    found = fresh_after(
        node, PurgeBatch.of(path for path, _ in pages), [*pages, kept], method=method
    )

    assert found == set(pages)


@pytest.mark.parametrize("method", METHODS)
def test_long_paths(node, method):
    page = ("/" + "long/" * 900, "a.example")

    assert fresh_after(node, PurgeBatch.of([page[0]]), [page], method=method) == {page}


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_token_is_rejected_and_purges_nothing(node, method):
    before = get(node, "/x/y/")

    with pytest.raises(Rejected, match="405"):
        backend(node, method=method, token="wrong").send(PurgeBatch.of(["/x/y/"]), node.url)

    assert get(node, "/x/y/") == before


def test_a_regular_expression_that_varnish_refuses_is_rejected(node):
    batch = PurgeBatch.of([Pattern(r"/x/(?P<a>y)/(?P<b>z)(?(a)1|2)\Z")])
    broken = PurgeBatch(patterns=frozenset({"/x/(y"}))

    backend(node).send(batch, node.url)
    with pytest.raises(Rejected, match="400"):
        backend(node).send(broken, node.url)


def test_xkey_where_it_is_not_included_is_rejected(origin):
    with Varnishd(example_vcl(origin.server_port, xkey=False)) as plain:
        with pytest.raises(Rejected, match="501.*dumper_xkey"):
            backend(plain, method="xkey").send(PurgeBatch.of(["/x/"]), plain.url)
        backend(plain).send(PurgeBatch.of(["/x/"]), plain.url)


def test_the_waiting_purge_removes_a_page_that_was_being_rendered(node):
    Origin.arrived.clear()
    Origin.go.clear()
    old = []
    visitor = threading.Thread(target=lambda: old.append(get(node, "/w/slow/")))
    visitor.start()
    assert Origin.arrived.wait(10)
    edge = backend(node)
    batch = PurgeBatch.of(["/w/slow/"])

    edge.send(batch, node.url)
    settled = threading.Thread(target=edge.settle, args=(batch, node.url))
    settled.start()
    settled.join(0.3)
    waited = settled.is_alive()
    Origin.go.set()
    visitor.join(10)
    settled.join(10)

    assert waited
    assert get(node, "/w/slow/") != old[0]


def test_a_render_that_outlasts_the_patience_is_transient(node):
    Origin.arrived.clear()
    Origin.go.clear()
    visitor = threading.Thread(target=get, args=(node, "/v/slow/"))
    visitor.start()
    assert Origin.arrived.wait(10)

    with pytest.raises(Transient, match="did not answer within 0.2 s"):
        backend(node, wait_timeout=0.2).settle(PurgeBatch.of(["/v/slow/"]), node.url)

    Origin.go.set()
    visitor.join(10)


def test_nothing_in_flight_settles_at_once(node):
    assert backend(node).settle(PurgeBatch.of(["/x/y/", "/never/seen/"]), node.url) is True


def test_a_node_that_was_stopped_is_transient(origin):
    with Varnishd(backend_port=origin.server_port) as stopped:
        edge = backend(stopped)
        stopped.stop()
        with pytest.raises(Transient, match="cannot be reached"):
            edge.send(PurgeBatch.of(["/x/"]), stopped.url)
