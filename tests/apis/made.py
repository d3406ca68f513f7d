"""Backends of every ability, which no vendor has, and what their operations purge of a cache."""

import re
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.escalation import url_host
from dumper_purge.backends.outcome import Verdict
from dumper_purge.paths import EVERYTHING, path_tag, prefix_tags, url_path
from dumper_purge.respond.headers import edges_of
from dumper_purge.respond.tags import fitted
from dumper_purge.transport.pooled import Call

__all__ = ["Made", "Page", "backend", "covers", "is_stored", "purges"]

OPTIONAL = ("purge_urls", "purge_tags", "purge_prefixes", "purge_hosts", "purge_everything")


@dataclass(frozen=True, kw_only=True)
class Made(ApiBackend):
    """A backend whose calls come to nothing but a note in ``made``, and what ``answer`` says."""

    base_url: str = "https://api.example.com"
    script: object = field(default=None, repr=True)
    made: list = field(default_factory=list)
    lock: object = field(default_factory=threading.Lock)
    ttl_header: ClassVar[str] = "Surrogate-Control"
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"[a-z0-9._-]+")

    def call(self, name, items):
        with self.lock:
            number = len(self.made)
            self.made.append((name, tuple(items)))
        answer = self.script(name, items, number) if self.script else Verdict.DONE
        if isinstance(answer, tuple):
            return answer
        return answer, None

    @property
    def purged(self):
        """Return each item of each call, in order."""
        return [(name, item) for name, items in self.made for item in items]


@cache
def _class(able, sizes, **attributes):
    def method(self, *args):
        return Call(path="/")

    marked = {
        name: operation(items=size)(lambda self, *args: Call(path="/"))
        for name, size in zip(OPTIONAL, sizes, strict=True)
        if name in able
    }
    return dataclass(frozen=True, kw_only=True)(type("Made", (Made,), marked | attributes))


def backend(able=OPTIONAL, sizes=(1, 5, 1, 1, 1), hosts=("a.example", "b.example"), **options):
    """Return a backend that can do some operations; the other options are as its class has them."""
    names = ("tag_field", "by_path", "covers_query", "prefixes_are_folders", "soft_is_possible")
    attributes = {name: options.pop(name) for name in names if name in options}
    made = _class(tuple(able), tuple(sizes), **attributes)
    return made(alias="made", hosts=tuple(hosts), **options)


@dataclass(frozen=True)
class Page:
    """A page that a cache may have stored."""

    scheme: str
    host: str
    path: str
    query: str
    own: frozenset


def covers(batch, page):
    """Tell whether a batch, as its author means it, is about a page."""
    return (
        batch.everything
        or page.path in batch.paths
        or any(url_host(u) == page.host and url_path(u) == page.path for u in batch.urls)
        or any(page.path.startswith(prefix) for prefix in batch.prefixes)
        or any(re.fullmatch(regex, page.path) for regex in batch.patterns)
        or bool(batch.tags & page.own)
    )


def is_stored(backend, page):
    """Tell whether the response's headers let this cache store a page."""
    serves = edges_of([backend], page.host) and page.scheme in backend.schemes
    return bool(serves) and (not page.query or backend.covers_queries)


def purges(backend, item, page):
    """Tell whether an operation purges a page, going by what vendors' documentation says."""
    name = item.name
    whole = page.path if backend.by_path else f"{page.scheme}://{page.host}{page.path}"
    if item.operation == "purge_tags":
        return bool(backend.tag_header) and name in _tags(backend, page.path, page.own)
    if item.operation == "purge_urls":
        return name == whole and (not page.query or backend.covers_query)
    if item.operation == "purge_prefixes":
        return whole.startswith(name) and (not backend.prefixes_are_folders or name[-1] == "/")
    return name == page.host if item.operation == "purge_hosts" else True


def _tags(backend, path, own):
    implied = (EVERYTHING, path_tag(path), *prefix_tags(path))
    return fitted(backend, implied, own)
