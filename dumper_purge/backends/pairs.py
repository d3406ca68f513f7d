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
    if inner.tag_header and inner.tag_header == outer.tag_header and _write(inner) != _write(outer):
        yield (
            f"DUMPER_BACKENDS: {inner.alias!r} and {outer.alias!r} both read {inner.tag_header},"
            " but not with the same separator and characters."
        )


def _write(backend: BaseBackend) -> tuple[object, ...]:
    return backend.tag_separator, backend.tag_form
