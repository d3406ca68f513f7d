"""The middleware: there once, in its place, and alone."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from dumper_purge import conf
from dumper_purge.checks.messages import error, warning

__all__ = ["check_middleware"]

_CACHE = "dumper_purge.middleware.CacheMiddleware"
_UPDATE = "dumper_purge.middleware.UpdateCacheMiddleware"
_FETCH = "dumper_purge.middleware.FetchFromCacheMiddleware"
_DJANGO_PAIR = {
    "django.middleware.cache.CacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
}
_LOCALE = "django.middleware.locale.LocaleMiddleware"
_MAY_STAND_OUTSIDE = {"django.middleware.security.SecurityMiddleware"}


@register("dumper_purge")
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """Check that the middleware is there once, in its place, and alone."""
    return [
        *_presence(settings.MIDDLEWARE),
        *_order(settings.MIDDLEWARE),
        *_djangos_own(settings.MIDDLEWARE),
        *_language(settings.MIDDLEWARE),
    ]


def _presence(middleware: list[str]) -> Iterator[CheckMessage]:
    pair = [name for name in middleware if name in {_UPDATE, _FETCH}]
    count = middleware.count(_CACHE)
    if not count and not pair:
        strangers = [name for name in middleware if name.startswith(("dumper.", "dumper_purge."))]
        yield warning(
            8,
            "No middleware of dumper_purge is in MIDDLEWARE: no page is cached."
            + "".join(f" {name!r} is none." for name in strangers),
            f"Put '{_CACHE}' first in MIDDLEWARE.",
        )
    elif (count, tuple(sorted(pair))) not in {(1, ()), (0, (_FETCH, _UPDATE))}:
        yield error(
            9,
            f"MIDDLEWARE has {', '.join([_CACHE] * count + pair)}.",
            f"Use '{_CACHE}' alone, or '{_UPDATE}' first together with '{_FETCH}' last.",
        )


def _order(middleware: list[str]) -> Iterator[CheckMessage]:
    inside = [name for name in middleware if name not in _MAY_STAND_OUTSIDE]
    for name in (_CACHE, _UPDATE):
        if name in inside and inside[0] != name:
            yield warning(
                10,
                f"'{inside[0]}' stands before '{name}' in MIDDLEWARE: what it changes is not part"
                " of the stored page, and what it reads is not seen by the policy.",
                f"Move '{name}' to the top.",
            )
    if _UPDATE in inside and _FETCH in inside and inside.index(_FETCH) < inside.index(_UPDATE):
        yield error(
            11,
            f"'{_FETCH}' stands before '{_UPDATE}' in MIDDLEWARE.",
            f"'{_UPDATE}' comes first, '{_FETCH}' last.",
        )


def _djangos_own(middleware: list[str]) -> Iterator[CheckMessage]:
    for name in sorted(_DJANGO_PAIR & set(middleware)):
        yield error(
            12,
            f"'{name}' is in MIDDLEWARE: what it stores is never purged.",
            "Remove it; the middleware of dumper_purge takes its place.",
        )


def _language(middleware: list[str]) -> Iterator[CheckMessage]:
    if _LOCALE not in middleware or conf.problems():
        return
    if settings.LANGUAGE_COOKIE_NAME not in conf.current().bypass_cookies:
        yield warning(
            13,
            "LocaleMiddleware reads the language cookie on every request, so that no page is the"
            " same for everyone and none is stored.",
            f"Set DUMPER_BYPASS_COOKIES = [{settings.LANGUAGE_COOKIE_NAME!r}], and name the cookie"
            " in dumper_private_cookies of the VCL: who has it then gets the pages from Django.",
        )
