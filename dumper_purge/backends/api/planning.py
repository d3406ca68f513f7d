"""Which operations of an API purge a batch, and on what: the narrowest correct ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from dumper_purge.backends.escalation import is_folder, places, url_host
from dumper_purge.batch import PurgeBatch, literal_prefix, purged_tags
from dumper_purge.paths import EVERYTHING, has_dot_segment, url_path

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["Item", "Plan", "everything", "planned"]


class Item(NamedTuple):
    """One thing that an operation purges: a tag, a URL, a prefix, a host; "" is everything."""

    operation: str
    name: str = ""


@dataclass(kw_only=True)
class Plan:
    """What is to be purged, in order, and what cannot be."""

    items: dict[Item, None] = field(default_factory=dict)
    impossible: PurgeBatch = field(default_factory=PurgeBatch)

    def add(self, operation: str, *names: str) -> None:
        """Add items of one operation; those that are there already count once."""
        self.items.update(dict.fromkeys(Item(operation, name) for name in names))


def planned(backend: "ApiBackend", batch: PurgeBatch) -> Plan:
    """Return what purges a batch; more than was asked where nothing narrower exists."""
    plan = _by_tags(backend, batch) if backend.tag_header else _by_urls(backend, batch)
    too_wide = bool(plan.impossible) or len(plan.items) > backend.max_items
    if batch.everything or (too_wide and backend.allow_everything):
        return everything(backend) or plan
    return plan


def everything(backend: "ApiBackend") -> Plan | None:
    """Return what purges everything, and as little as possible that is not ours."""
    plan = Plan()
    if backend.hosts and backend.can("purge_hosts"):
        plan.add("purge_hosts", *backend.hosts)
    elif backend.tag_header and (backend.hosts or backend.soft):
        plan.add("purge_tags", backend.spelled(EVERYTHING))
    elif backend.can("purge_everything"):
        plan.add("purge_everything", "")
    elif backend.tag_header:
        plan.add("purge_tags", backend.spelled(EVERYTHING))
    else:
        return None
    return plan


def _by_tags(backend: "ApiBackend", batch: PurgeBatch) -> Plan:
    """Tags, which cover all hosts, queries and variants; prefixes that have none where possible."""
    plan = Plan()
    deep = frozenset(prefix for prefix in batch.prefixes if _is_narrower(backend, prefix))
    plan.add("purge_prefixes", *_located(backend, deep))
    tagged = replace(batch, prefixes=batch.prefixes - deep)
    tags = purged_tags(tagged)
    if EVERYTHING in tags and not backend.allow_everything:
        loose = _without_folder(tagged)
        plan.impossible = loose
        tags = purged_tags(tagged - loose)
    plan.add("purge_tags", *sorted(map(backend.spelled, tags)))
    return plan


def _is_narrower(backend: "ApiBackend", prefix: str) -> bool:
    """Tell whether a prefix is purged more exactly by itself than by the tag of its folder."""
    reachable = backend.can("purge_prefixes") and (backend.by_path or backend.hosts)
    return bool(reachable) and not is_folder(prefix) and _cut(backend, prefix) == prefix


def _by_urls(backend: "ApiBackend", batch: PurgeBatch) -> Plan:
    prefixes, wide = _prefixes(backend, batch)
    plan = Plan(impossible=wide)
    plan.add("purge_urls", *_urls(backend, batch))
    plan.add("purge_prefixes", *_located(backend, prefixes))
    return plan


def _prefixes(backend: "ApiBackend", batch: PurgeBatch) -> tuple[frozenset[str], PurgeBatch]:
    """Return the prefixes to purge, and what has none."""
    able = backend.can("purge_prefixes")
    cut = {prefix: _cut(backend, prefix) for prefix in batch.prefixes}
    cut_patterns = {regex: _cut(backend, literal_prefix(regex)) for regex in batch.patterns}
    wide = PurgeBatch(
        tags=batch.tags,
        prefixes=frozenset(prefix for prefix, whole in cut.items() if not (able and whole)),
        patterns=frozenset(regex for regex, whole in cut_patterns.items() if not (able and whole)),
        everything=batch.everything,
    )
    found = {*cut.values(), *cut_patterns.values()} - {""}
    return frozenset(found if able else ()), wide


def _cut(backend: "ApiBackend", prefix: str) -> str:
    """Return a prefix as this API takes it; "" where all paths would have it, or it is no path."""
    if backend.prefixes_are_folders:
        prefix = prefix[: prefix.rfind("/") + 1]
    return "" if prefix == "/" or not prefix.startswith("/") else prefix


def _without_folder(batch: PurgeBatch) -> PurgeBatch:
    """Return what only the tag of everything covers."""
    loose = PurgeBatch()
    for single in batch.singles():
        if EVERYTHING in purged_tags(single):
            loose |= single
    return loose


def _urls(backend: "ApiBackend", batch: PurgeBatch) -> Iterator[str]:
    """Yield paths or URLs; those with dots, which a client resolves to others, are left out."""
    if backend.by_path:
        urls = (url for url in sorted(batch.urls) if _is_served(backend, url))
        paths = (*sorted(batch.paths), *map(url_path, urls))
        yield from (path for path in paths if not has_dot_segment(path))
        return
    # By path, so that the first of many calls carry out whole paths.
    for path, host in sorted((path, host) for host, path in places(batch, backend.hosts)):
        for scheme in backend.schemes:
            if not has_dot_segment(path):
                yield f"{scheme}://{host}{path}"


def _is_served(backend: "ApiBackend", url: str) -> bool:
    return not backend.hosts or url_host(url) in backend.hosts


def _located(backend: "ApiBackend", prefixes: frozenset[str]) -> Iterator[str]:
    if backend.by_path:
        yield from sorted(prefixes)
        return
    for prefix in sorted(prefixes):
        for host in backend.hosts:
            for scheme in backend.schemes:
                yield f"{scheme}://{host}{prefix}"
