"""The middleware: ``CacheMiddleware``, or django-dumper's pair, in sync and async stacks."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dumper_purge.collect.scope import open_request
from dumper_purge.conf import current
from dumper_purge.respond.exchange import Exchange
from dumper_purge.respond.page import Page, current_page

__all__ = ["CacheMiddleware", "FetchFromCacheMiddleware", "UpdateCacheMiddleware"]

GetResponse = Callable[[HttpRequest], Any]

_EXCHANGE = "_dumper_exchange"


class _Middleware:
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        if not apps.is_installed("dumper_purge"):
            raise ImproperlyConfigured(
                f"{type(self).__name__} needs 'dumper_purge' in INSTALLED_APPS: without it no"
                " purge would reach what it stores."
            )
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if not current().enabled:
            response: HttpResponseBase = self.get_response(request)
            return response
        return self.answer_async(request) if self.is_async else self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        raise NotImplementedError

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        raise NotImplementedError


class CacheMiddleware(_Middleware):
    """Answer requests from the page cache; decide, for all others, who may store the response.

    Put it first in ``MIDDLEWARE``: what middleware outside it changes is not part of a stored page.
    """

    answers_hits = True

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in a sync stack."""
        exchange = self._begin(request)
        if exchange.found and self.answers_hits:
            return exchange.hit()
        exchange.prepare()
        with _building(exchange.page), open_request() as scope:
            response = self.get_response(request)
            scope.close()
        return exchange.finish(response, collected_changes=scope.collected_changes)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in an async stack. Caches and databases are used in a thread."""
        exchange = await sync_to_async(self._begin)(request)
        if exchange.found and self.answers_hits:
            return await sync_to_async(exchange.hit)()
        await sync_to_async(exchange.prepare)()
        with _building(exchange.page), open_request() as scope:
            try:
                response = await self.get_response(request)
            finally:
                await sync_to_async(scope.close)()
        return await sync_to_async(exchange.finish)(
            response, collected_changes=scope.collected_changes
        )

    def _begin(self, request: HttpRequest) -> Exchange:
        return Exchange(request)


class UpdateCacheMiddleware(CacheMiddleware):
    """The outer one of the pair: store responses. Put it first in ``MIDDLEWARE``."""

    answers_hits = False

    def _begin(self, request: HttpRequest) -> Exchange:
        exchange = Exchange(request)
        setattr(request, _EXCHANGE, exchange)
        return exchange


class FetchFromCacheMiddleware(_Middleware):
    """The inner one of the pair: answer from the page cache. Put it last in ``MIDDLEWARE``."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in a sync stack."""
        found = _page_found(request)
        return self.get_response(request) if found is None else found

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in an async stack."""
        found = _page_found(request)
        return await self.get_response(request) if found is None else found


def _page_found(request: HttpRequest) -> HttpResponseBase | None:
    exchange: Exchange | None = getattr(request, _EXCHANGE, None)
    return exchange.page_found() if exchange is not None and exchange.found else None


@contextmanager
def _building(page: Page) -> Iterator[None]:
    token = current_page.set(page)
    try:
        yield
    finally:
        current_page.reset(token)
