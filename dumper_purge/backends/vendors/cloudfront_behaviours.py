"""What in a CloudFront distribution spoils the promises: its tags' header, its behaviours."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from dumper_purge.transport.pooled import Call

if TYPE_CHECKING:
    from dumper_purge.backends.cloudfront import CloudFrontBackend

__all__ = ["findings"]

_Told: TypeAlias = Mapping[str, Any]
"""A part of what AWS answers, in its words."""


@dataclass(frozen=True, kw_only=True)
class _Behaviour:
    """How long CloudFront keeps what a path pattern matches, and what is in its cache key."""

    pattern: str
    min_ttl: int
    max_ttl: int
    all_queries: bool
    headers: frozenset[str]


def findings(backend: "CloudFrontBackend") -> Iterator[str]:
    """Yield what is wrong, with a remedy; raise Transient or Rejected where AWS does not tell."""
    told = _read(backend, "get_distribution_config", backend.distribution_id, "DistributionConfig")
    yield from _of_tags(backend, told)
    several_hosts = told.get("Aliases", {}).get("Quantity", 0) > 1 or len(backend.hosts) > 1
    needed = _lower(backend.vary) - {"accept-encoding"} | ({"host"} if several_hosts else set())
    default = {"PathPattern": "*", **told["DefaultCacheBehavior"]}
    for each in (default, *_items(told.get("CacheBehaviors"))):
        yield from _of_behaviour(_behaviour(backend, each), needed)


def _read(backend: "CloudFrontBackend", operation: str, name: str, part: str) -> _Told:
    told: _Told = backend.read(Call(path=operation, json={"Id": name}))[part]
    return told


def _of_tags(backend: "CloudFrontBackend", told: _Told) -> Iterator[str]:
    header = told.get("CacheTagConfig", {}).get("HeaderName")
    if backend.tag_header and (header or "").lower() != backend.tag_header.lower():
        yield (
            f"the distribution reads tags from {header or 'no header'}, and responses carry them in"
            f" {backend.tag_header}: set CacheTagConfig.HeaderName to that, and purge everything,"
            " since what is stored keeps its old tags."
        )


def _of_behaviour(behaviour: _Behaviour, needed: frozenset[str]) -> Iterator[str]:
    where = f"the behaviour for {behaviour.pattern!r}"
    if not behaviour.max_ttl:
        return
    if behaviour.min_ttl:
        yield (
            f"{where} has a MinTTL of {behaviour.min_ttl} s, for which CloudFront keeps even what"
            " must not be stored: set it to 0 in its cache policy."
        )
    if not behaviour.all_queries:
        yield (
            f"{where} has a cache key without all queries, so that one page is served for"
            " another: include all query strings in its cache policy."
        )
    if missing := sorted(needed - behaviour.headers):
        yield (
            f"{where} has a cache key without {', '.join(missing)}, so that a page is served to"
            " others than it was rendered for: include these headers in its cache policy."
        )


def _behaviour(backend: "CloudFrontBackend", told: _Told) -> _Behaviour:
    """Return a behaviour with its cache policy, or with what older ones hold themselves."""
    if name := told.get("CachePolicyId"):
        return _by_policy(told, _read(backend, "get_cache_policy", name, "CachePolicy"))
    values = told.get("ForwardedValues", {})
    return _Behaviour(
        pattern=told["PathPattern"],
        min_ttl=told.get("MinTTL", 0),
        max_ttl=told.get("MaxTTL", 31_536_000),
        all_queries=values.get("QueryString", False)
        and not _items(values.get("QueryStringCacheKeys")),
        headers=_lower(_items(values.get("Headers"))),
    )


def _by_policy(told: _Told, policy: _Told) -> _Behaviour:
    config = policy["CachePolicyConfig"]
    key = config.get("ParametersInCacheKeyAndForwardedToOrigin", {})
    queries = key.get("QueryStringsConfig", {}).get("QueryStringBehavior")
    return _Behaviour(
        pattern=told["PathPattern"],
        min_ttl=config["MinTTL"],
        max_ttl=config.get("MaxTTL", 31_536_000),
        all_queries=queries in {"all", "allExcept"},
        headers=_lower(_items(key.get("HeadersConfig", {}).get("Headers"))),
    )


def _items(told: _Told | None) -> list[Any]:
    return list((told or {}).get("Items") or ())


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(str.lower, names))
