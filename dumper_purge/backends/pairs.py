"""Caches in front of one another that cannot both read what they need from one response."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from dumper_purge.backends.base import BaseBackend

__all__ = ["conflicts"]


def conflicts(backends: Sequence[BaseBackend]) -> Iterator[str]:
    """Yield what is wrong with each pair that serves the same host; ``backends`` in tier order."""
    for inner, outer in combinations(backends, 2):
        if inner.ttl_header and outer.ttl_header and _meet(inner, outer):
            yield from _conflicts(inner, outer)


def _meet(inner: BaseBackend, outer: BaseBackend) -> bool:
    return not (inner.hosts and outer.hosts) or bool(set(inner.hosts) & set(outer.hosts))


def _conflicts(inner: BaseBackend, outer: BaseBackend) -> Iterator[str]:
    for name in filter(None, (outer.ttl_header, outer.tag_header)):
        if name.lower() in inner.strips:
            yield (
                f"DUMPER_BACKENDS: {inner.alias!r} removes {name} from responses, and"
                f" {outer.alias!r}, which stands outside of it, reads that header."
            )
    yield from _misread(inner, outer, outer.reads - inner.strips)
    yield from _misread(outer, inner, inner.reads)
    yield from _shared(inner, outer)


def _misread(meant: BaseBackend, reader: BaseBackend, reads: frozenset[str]) -> Iterator[str]:
    name = meant.ttl_header or ""
    if name != reader.ttl_header and name.lower() in reads:
        yield (
            f"DUMPER_BACKENDS: {reader.alias!r} goes by {name}, which tells {meant.alias!r} how"
            " long it may keep a page."
        )


def _shared(inner: BaseBackend, outer: BaseBackend) -> Iterator[str]:
    """Yield what is wrong with headers that both read."""
    names = (inner.tag_header or "", outer.tag_header or "")
    if all(names) and names[0].lower() == names[1].lower() and _spelling(inner) != _spelling(outer):
        yield (
            f"DUMPER_BACKENDS: {inner.alias!r} and {outer.alias!r} both read {names[0]},"
            " but not with the same name, separator and characters."
        )
    if inner.ttl_header == outer.ttl_header != "Cache-Control" and _wording(inner) != _wording(
        outer
    ):
        yield (
            f"DUMPER_BACKENDS: {inner.alias!r} and {outer.alias!r} both read {inner.ttl_header},"
            " but not with the same words."
        )


def _spelling(backend: BaseBackend) -> tuple[object, ...]:
    """Return all that decides how tags are written."""
    return backend.tag_header, backend.tag_separator, backend.tag_form


def _wording(backend: BaseBackend) -> str:
    """Return how it words that it may keep a page, and that it may not."""
    return backend.lifetime(1, 1) + backend.lifetime(0, 0)
