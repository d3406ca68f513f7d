"""Which requests the caches have nothing to do with."""

from django.conf import settings
from django.http import HttpRequest

from dumper_purge.respond.layers import Layers

__all__ = ["IGNORED", "METHOD", "bypass"]

METHOD = "the method is unsafe"
IGNORED = "the path is ignored"

_CREDENTIALS = ("HTTP_AUTHORIZATION", "REMOTE_USER")
_OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD")


def bypass(request: HttpRequest, layers: Layers) -> str | None:
    """Return why a request is neither answered from what was stored nor stored; None if it may be."""
    if request.method not in {"GET", "HEAD"}:
        return METHOD
    if layers.conf.path_ignore_regex.search(request.path):
        return IGNORED
    meta = request.META
    if any(map(meta.get, _CREDENTIALS)):
        return "the request carries credentials"
    if any(map(meta.get, _OVERRIDES)):
        return "the request overrides its method"
    if meta.get("CONTENT_LENGTH", "0") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in meta:
        return "the request has a body"
    if request.encoding is not None:
        return "the request declares a charset"
    if has_bypass_cookie(request, layers):
        return "the request has a session, message or bypass cookie"
    return None


def has_bypass_cookie(request: HttpRequest, layers: Layers) -> bool:
    """Tell whether a cookie of the request makes its answer a visitor's own."""
    if "COOKIES" in request.__dict__:
        cookies = request.COOKIES
        return (
            settings.SESSION_COOKIE_NAME in cookies
            or not layers.bypass_cookies.isdisjoint(cookies)
        )
    header = request.META.get("HTTP_COOKIE")
    if not header:
        return False
    return bool(layers.cookies_that_bypass(settings.SESSION_COOKIE_NAME).search(header))
