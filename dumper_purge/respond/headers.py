"""What a response says to browsers and to every cache in front (RFC 9111, 5.2; RFC 9213)."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dumper_purge.backends.base import BaseBackend
from dumper_purge.respond.cache_control import formatted, parsed
from dumper_purge.respond.tags import fitted

__all__ = ["Outgoing", "browser_field", "edges_of", "private_field", "storable"]

NOT_STORABLE = "private, no-cache, no-store, max-age=0"
_DEFAULT_PORT = re.compile(r":(?:80|443)\Z")
_PORT = re.compile(r":[0-9]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A storable response on its way to the edges. Times are in seconds, from now."""

    ttl: int
    grace: int
    doubt_ttl: int
    doubtful: bool
    """It may be old data: no edge may keep it longer than ``doubt_ttl``."""
    lately_purged: bool
    """The same for an edge whose purges do not wait for what is in flight."""
    vary: frozenset[str]
    has_query: bool
    implied_tags: tuple[str, ...]
    own_tags: tuple[str, ...]


def edges_of(edges: Iterable[BaseBackend], host: str) -> tuple[BaseBackend, ...]:
    """Return the edges whose purges reach the pages of a host.

    A tag is purged on every host, and on every port of a host. A URL, or a prefix beside the tags,
    is purged on the hosts that are listed and no others: ``a.example:8443`` is not ``a.example``.
    """
    exact = _DEFAULT_PORT.sub("", host)
    bare = _PORT.sub("", host)
    return tuple(
        edge
        for edge in edges
        if not edge.hosts or exact in edge.hosts or (edge.covers_ports and bare in edge.hosts)
    )


def browser_field(own: Mapping[str, str | None] | None, browser_ttl: int | None) -> str:
    """Return Cache-Control for browsers: the view's own words, completed by ``max-age``."""
    directives = dict(own or {})
    if browser_ttl is not None:
        directives.pop("max-age", None)
        directives = {"max-age": str(browser_ttl), **directives}
    if not own:
        directives["must-revalidate"] = None
    return formatted(directives)


def private_field(own: Mapping[str, str | None] | None) -> str:
    """Return Cache-Control of what must not be stored: the view's own words, but private."""
    if own is None:
        return NOT_STORABLE
    kept = {name: value for name, value in own.items() if name not in {"public", "s-maxage"}}
    # Of what is private="name" others may store the rest (RFC 9111, 5.2.2.7).
    return formatted({**kept, "private": None})


def storable(
    edges: Collection[BaseBackend], host: str, browser: str, outgoing: Outgoing
) -> dict[str, str]:
    """Return the headers that say to each edge how long it may keep a response to ``host``.

    An edge that may not keep it is told so in its own field: without one it could go by what is
    said to browsers. Of two edges that read the same field the stricter counts, since neither can
    be told from the other there; but an edge that does not serve the host does not count.
    """
    kept: dict[str, _Kept] = {}
    tags: dict[str, str] = {}
    serving = edges_of(edges, host)
    for edge in serving:
        sent = _tags_for(edge, outgoing)
        times = (0, 0) if sent is None else _times_for(edge, outgoing)
        _keep(kept, edge, times)
        if sent and edge.tag_header and times[0]:
            joined = edge.tag_separator.join(sent)
            # Of two budgets the smaller one: the coarser tags are purged as well.
            before = tags.get(edge.tag_header, joined)
            tags[edge.tag_header] = min(before, joined, key=_size(edge.tag_separator))
    for edge in edges:
        if not _harms(edge, serving, host):
            _forbid(kept, edge, is_elsewhere=bool(serving) and _is_elsewhere(edge, host))
    return {field: _field(field, browser, each) for field, each in kept.items()} | tags


def _size(separator: str) -> Callable[[str], tuple[int, int]]:
    return lambda joined: (joined.count(separator), len(joined))


class _Kept(NamedTuple):
    """How long the pages may be kept by all edges that read a field, and one of these."""

    edge: BaseBackend
    times: tuple[int, int]
    is_elsewhere: bool = False
    """Only edges that do not stand in front of this host read the field."""


def _forbid(kept: dict[str, _Kept], edge: BaseBackend, *, is_elsewhere: bool) -> None:
    field = edge.ttl_header or ""
    if field not in kept or (kept[field].is_elsewhere and not is_elsewhere):
        kept[field] = _Kept(edge, (0, 0), is_elsewhere)


def _is_elsewhere(edge: BaseBackend, host: str) -> bool:
    """Tell whether an edge stands in front of other hosts alone."""
    names = {_PORT.sub("", each) for each in edge.hosts}
    return bool(names) and _PORT.sub("", host) not in names


def _harms(edge: BaseBackend, serving: Iterable[BaseBackend], host: str) -> bool:
    """Tell whether a word to an edge of other hosts would be taken for one to an edge of this."""
    field = (edge.ttl_header or "").lower()
    return _is_elsewhere(edge, host) and any(field in each.reads for each in serving)


def _keep(kept: dict[str, _Kept], edge: BaseBackend, times: tuple[int, int]) -> None:
    field = edge.ttl_header or ""
    if field not in kept or times < kept[field].times:
        kept[field] = _Kept(edge, times)


def _times_for(edge: BaseBackend, outgoing: Outgoing) -> tuple[int, int]:
    honoured = edge.honoured_vary
    if honoured is not None and not outgoing.vary <= honoured:
        return 0, 0
    if outgoing.has_query and not edge.covers_queries:
        return 0, 0
    if outgoing.doubtful or (outgoing.lately_purged and not edge.waits_for_fetches):
        return min(outgoing.ttl, outgoing.doubt_ttl), 0
    return outgoing.ttl, outgoing.grace


def _tags_for(edge: BaseBackend, outgoing: Outgoing) -> tuple[str, ...] | None:
    if edge.tag_header is None:
        return ()
    return fitted(edge, outgoing.implied_tags, outgoing.own_tags)


def _field(field: str, browser: str, kept: _Kept) -> str:
    if field == "Cache-Control":
        return _shared_field(browser, kept.times[0], is_elsewhere=kept.is_elsewhere)
    return kept.edge.lifetime(*kept.times)


def _shared_field(browser: str, ttl: int, *, is_elsewhere: bool) -> str:
    directives = parsed(browser)
    if not ttl and not is_elsewhere:
        return private_field(directives)
    if ttl:
        directives.pop("must-revalidate", None)
    # What is private some caches do not store even where a field of their own says so.
    directives["s-maxage"] = str(ttl)
    return formatted(directives)
