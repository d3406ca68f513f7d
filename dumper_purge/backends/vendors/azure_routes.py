"""What the routes of an endpoint of Azure Front Door, and their rules, do to pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from dumper_purge.transport.pooled import Call

__all__ = ["findings"]

_MOST_PAGES = 50
_Read: TypeAlias = Callable[[Call], Mapping[str, Any]]


def findings(read: _Read, profile: str, endpoint: str, version: str) -> Iterator[str]:
    """Yield what spoils a promise in the routes of an endpoint, and in the rules they use.

    Source: https://learn.microsoft.com/azure/frontdoor/front-door-caching
    """
    rule_sets = set()
    for route in _listed(read, f"{profile}/afdEndpoints/{endpoint}/routes", version):
        settings = route.get("properties", {})
        rule_sets |= {each["id"].rpartition("/")[2] for each in settings.get("ruleSets") or ()}
        for problem in _of(settings):
            yield f"Route {route['name']}: {problem}."
    for name in sorted(rule_sets):
        for rule in _listed(read, f"{profile}/ruleSets/{name}/rules", version):
            for action in rule.get("properties", {}).get("actions") or ():
                for problem in _of(action.get("parameters", {})):
                    yield f"Rule {rule['name']} of the rule set {name}: {problem}."


def _listed(read: _Read, path: str, version: str) -> Iterator[Mapping[str, Any]]:
    """Yield what a list has, over all of its pages; of where the next one is, only the query."""
    parameters = {"api-version": version}
    for _ in range(_MOST_PAGES):
        page = read(Call(method="GET", path=path, params=parameters))
        yield from page.get("value", ())
        if not page.get("nextLink"):
            return
        parameters = dict(parse_qsl(urlsplit(page["nextLink"]).query))


def _of(settings: Mapping[str, Any]) -> Iterator[str]:
    cache = settings.get("cacheConfiguration") or {}
    if cache.get("queryStringCachingBehavior") == "IgnoreQueryString":
        yield "/?page=2 gets what is for /: set its query string behavior to Use Query String"
    if cache.get("cacheBehavior") == "OverrideAlways":
        yield "pages are kept for its own time: set its cache behavior to Honor origin"
