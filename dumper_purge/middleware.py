"""The middleware: ``CacheMiddleware``, or django-dumper's pair, in sync and async stacks."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dumper_purge.collect import transactions
from dumper_purge.collect.request import open_request
from dumper_purge.conf import current
from dumper_purge.respond.exchange import Bypass, Exchange, begin
from dumper_purge.respond.page import current_page

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

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in a sync stack."""
        exchange, hit = self.begun(request)
        if hit is not None:
            return hit
        token = current_page.set(exchange.page)
        try:
            with open_request() as scope:
                response = self.get_response(request)
        finally:
            current_page.reset(token)
        return exchange.finish(response, collected_changes=scope.collected_changes)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in an async stack; caches and databases are used in a thread."""
        exchange, hit = await sync_to_async(self.begun)(request)
        if hit is not None:
            return hit
        token = current_page.set(exchange.page)
        try:
            with open_request() as scope:
                try:
                    response = await self.get_response(request)
                finally:
                    await sync_to_async(scope.close)()
        finally:
            current_page.reset(token)
        return await sync_to_async(exchange.finish)(
            response, collected_changes=scope.collected_changes
        )

    def begun(self, request: HttpRequest) -> tuple[Exchange | Bypass, HttpResponseBase | None]:
        """Return what there is to do for a request, and its page if that was found."""
        exchange = _begun(request)
        hit = exchange.hit()
        if hit is None:
            exchange.prepare()
        return exchange, hit


class UpdateCacheMiddleware(CacheMiddleware):
    """The outer one of the pair: store responses. Put it first in ``MIDDLEWARE``."""

    def begun(self, request: HttpRequest) -> tuple[Exchange | Bypass, None]:
        """Return what there is to do for a request; the inner one answers with what was found."""
        exchange = _begun(request)
        exchange.prepare()
        setattr(request, _EXCHANGE, exchange)
        return exchange, None


class FetchFromCacheMiddleware(_Middleware):
    """The inner one of the pair: answer from the page cache. Put it last in ``MIDDLEWARE``."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in a sync stack."""
        found = _page_found(request)
        response: HttpResponseBase = self.get_response(request) if found is None else found
        return response

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request in an async stack."""
        found = _page_found(request)
        response: HttpResponseBase = await self.get_response(request) if found is None else found
        return response


def _begun(request: HttpRequest) -> Exchange | Bypass:
    # The pages of one TestCase are none of another's business, and no purge comes between them.
    return begin(request, page_cache=not transactions.waits_in_testcase())


def _page_found(request: HttpRequest) -> HttpResponseBase | None:
    exchange: Exchange | Bypass | None = getattr(request, _EXCHANGE, None)
    return None if exchange is None else exchange.page_found()
