"""What a view may say about its responses: decorators, and ``expires`` from anywhere."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.utils import timezone

from dumper_purge.batch import check_tag
from dumper_purge.respond.page import Page, current_page

__all__ = ["edge_cache", "expires", "may_be_declared", "never_edge", "query_of"]

View = TypeVar("View", bound=Callable[..., Any])

_QUERY = "_dumper_query"
_queries: set[str] = set()


def edge_cache(
    *,
    ttl: int | None = None,
    browser_ttl: int | None = None,
    grace: int | None = None,
    tags: Iterable[str] = (),
    query: Iterable[str] | None = None,
) -> Callable[[View], View]:
    """Decorate a view, sync or async, to say how its responses are stored.

    ``ttl`` (at the edge and in the page cache), ``browser_ttl`` and ``grace`` are whole seconds
    and stand above the settings and above the view's own ``Cache-Control``. ``tags`` are added to
    every response. ``query`` names the query parameters that count for this view, in place of
    ``DUMPER_QUERY_PARAMETERS``. Raises ValueError for a negative time or an unfit tag.
    """
    for name, seconds in (("ttl", ttl), ("browser_ttl", browser_ttl), ("grace", grace)):
        if seconds is not None and (not isinstance(seconds, int) or seconds < 0):
            raise ValueError(f"edge_cache({name}={seconds!r}): use whole seconds, 0 or more.")
    if isinstance(tags, str) or isinstance(query, str):
        raise ValueError("edge_cache(): tags and query are lists of str, not one str.")
    checked = frozenset(map(check_tag, tags))
    counted = None if query is None else frozenset(query)

    def describe(page: Page) -> None:
        page.tags |= checked
        page.ttl = page.ttl if ttl is None else ttl
        page.browser_ttl = page.browser_ttl if browser_ttl is None else browser_ttl
        page.grace = page.grace if grace is None else grace
        page.query = page.query if counted is None else counted

    def decorate(view: View) -> View:
        described = _describing(view, describe)
        if counted is not None:
            setattr(described, _QUERY, counted)
            _queries.update(counted)
        return described

    return decorate


def never_edge(view: View) -> View:
    """Decorate a view, sync or async, to keep its responses out of every shared cache.

    The page cache is one of them.
    """

    def describe(page: Page) -> None:
        page.never = True

    return _describing(view, describe)


def expires(at: datetime) -> None:
    """Let the response that is being built be stored until ``at`` at the longest.

    The earliest call counts. A naive time is one of the current time zone. Without a request,
    do nothing.
    """
    moment = timezone.make_aware(at) if timezone.is_naive(at) else at
    page = current_page.get()
    if page is not None:
        page.expires = min(moment, page.expires or moment)


def query_of(view: Any) -> frozenset[str] | None:
    """Return the parameters that a view declared by ``query=``, if any."""
    declared: frozenset[str] | None = getattr(view, _QUERY, None)
    return declared


def may_be_declared(names: Iterable[str]) -> bool:
    """Tell whether any view declared all of these parameters by ``query=``."""
    return _queries.issuperset(names)


def _describing(view: View, describe: Callable[[Page], None]) -> View:
    if isinstance(view, type):
        raise TypeError(f"Decorate {view.__name__}.as_view(), or its dispatch, not the class.")

    def before() -> None:
        page = current_page.get()
        if page is not None:
            describe(page)

    if iscoroutinefunction(view):

        @wraps(view)
        async def described_async(*args: Any, **kwargs: Any) -> Any:
            before()
            return await cast(Callable[..., Awaitable[Any]], view)(*args, **kwargs)

        return cast(View, described_async)

    @wraps(view)
    def described(*args: Any, **kwargs: Any) -> Any:
        before()
        return view(*args, **kwargs)

    return cast(View, described)
