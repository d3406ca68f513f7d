"""The page on how to write a backend: its example is executed, and purges."""

import inspect
import sys
import textwrap
from types import ModuleType

import pytest

import dumper_purge.backends
from dumper_purge.backends.options import build
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from tests.apis.server import Answer, serving


@pytest.fixture
def example(monkeypatch):
    """The example of the page, as a module of its own."""
    page = inspect.getdoc(dumper_purge.backends)
    block = page.partition("::\n\n")[2].partition("\nName it in")[0]
    source = textwrap.dedent(block)
    module = ModuleType("example_cdn")
    monkeypatch.setitem(sys.modules, "example_cdn", module)
    exec(compile(source, "example_cdn.py", "exec"), module.__dict__)
    module.source = source
    return module


def built(vendor, **options):
    entry = {"BACKEND": "example_cdn.ExampleBackend", "HOSTS": ["a.example"]}
    return build("cdn", {**entry, "OPTIONS": {"zone": "z1", "token": "t0", **options}})


def test_the_example_has_under_40_lines(example):
    assert len([line for line in example.source.splitlines() if line.strip()]) < 40


def test_the_example_purges_tags_in_batches(example):
    with serving(Answer(200, {"ok": True})) as vendor:
        backend = built(vendor, base_url=vendor.url)

        backend.send(PurgeBatch(paths=frozenset(f"/{n}/" for n in range(250))), "cdn")

    sizes = sorted(len(request.json["tags"]) for request in vendor.received)
    assert sizes == [50, 100, 100]
    assert {request.target for request in vendor.received} == {"/zones/z1/purge"}
    assert {request.headers["api-key"] for request in vendor.received} == {"t0"}


def test_the_example_purges_urls(example):
    with serving(Answer(200, {"ok": True})) as vendor:
        built(vendor, base_url=vendor.url, method="url").send(
            PurgeBatch(paths=frozenset({"/a/"})), "cdn"
        )

    assert vendor.received[0].json == {"urls": ["https://a.example/a/"]}


def test_what_the_example_does_not_confirm_is_tried_again(example):
    with serving(Answer(200, {"ok": False})) as vendor, pytest.raises(Transient):
        built(vendor, base_url=vendor.url).send(PurgeBatch(everything=True), "cdn")


def test_a_wrong_token_names_the_remedy_of_the_example(example):
    with (
        serving(Answer(401, {"error": "who is t0?"})) as vendor,
        pytest.raises(Rejected, match="check zone and token") as caught,
    ):
        built(vendor, base_url=vendor.url).send(PurgeBatch(everything=True), "cdn")

    assert "t0" not in str(caught.value)
