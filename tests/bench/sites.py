"""Django's WSGI handler with one middleware or another, called as a WSGI server calls it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from tests.bench import views
from tests.bench.measure import Clock, Subject
from tests.bench.redis import redis_server

__all__ = ["BARE", "CLOCKS", "DJANGO", "OURS", "Site", "cache_in", "on_cold_cache"]

OURS = ("dumper_purge.middleware.CacheMiddleware",)
DJANGO = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)
BARE = ("tests.bench.sites.prebuilt",)
CLOCKS: dict[str, Clock] = {"locmem": process_time, "Redis": perf_counter}
"""By the name of a cache: what tells the time that its use takes."""
# What a browser sends, and what gunicorn adds.
BROWSER = {
    "HTTP_HOST": "www.example.com",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
}


def prebuilt(get_response: object) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that has one response ready for every request."""
    response = HttpResponse(views.CONSTANT)
    return lambda request: response


class Site:
    """A WSGI application; ``get()`` makes one whole request of it, signals included."""

    def __init__(self, middleware: Sequence[str] = ()) -> None:
        with override_settings(MIDDLEWARE=list(middleware)):
            self._handler = WSGIHandler()

    def getter(self, path: str, **headers: str) -> Callable[[], bytes]:
        """Return a function that requests ``path`` and returns the body."""
        extra: dict[str, Any] = {"RAW_URI": path, **BROWSER, **headers}
        environ = RequestFactory().get(path, **extra).environ
        return lambda: self._request(environ.copy())

    def _request(self, environ: dict[str, Any]) -> bytes:
        response = self._handler(environ, _start_response)
        body = b"".join(response)
        response.close()
        return body


def _start_response(status: str, headers: object, error: object = None) -> Any:
    if not status.startswith("200"):
        raise AssertionError(f"The site answered {status}")


@contextmanager
def cache_in(name: str) -> Iterator[None]:
    """Use locmem or a Redis of its own as the default cache of all sites made in the block."""
    if name == "locmem":
        yield
        caches["default"].clear()
        return
    with redis_server() as url:
        backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
        with override_settings(CACHES={"default": backend}):
            yield


def on_cold_cache(getters: Sequence[Callable[[], bytes]], clock: Clock) -> Subject:
    """Return a subject whose round empties the cache, then requests each page once."""

    def run() -> float:
        caches["default"].clear()
        started = clock()
        for get in getters:
            get()
        return (clock() - started) / len(getters)

    return run
