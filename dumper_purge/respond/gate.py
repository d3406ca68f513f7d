"""Which requests the caches have nothing to do with."""

from django.http import HttpRequest

from dumper_purge.respond.layers import Layers

__all__ = ["IGNORED", "METHOD", "bypass"]

METHOD = "the method is unsafe"
IGNORED = "the path is ignored"


def bypass(request: HttpRequest, layers: Layers) -> str | None:
    """Return why a request is neither answered from what is stored nor stored itself, if so."""
    if request.method not in {"GET", "HEAD"}:
        return METHOD
    if layers.conf.path_ignore_regex.search(request.path):
        return IGNORED
    said = request.META.get
    if said("HTTP_AUTHORIZATION") or said("REMOTE_USER"):
        return "the request carries credentials"
    if has_bypass_cookie(request, layers):
        return "the request has a session, message or bypass cookie"
    if said("CONTENT_LENGTH", "") not in {"", "0"} or said("HTTP_TRANSFER_ENCODING"):
        return "the request has a body"
    if (
        said("HTTP_X_HTTP_METHOD_OVERRIDE")
        or said("HTTP_X_METHOD_OVERRIDE")
        or said("HTTP_X_HTTP_METHOD")
    ):
        return "the request overrides its method"
    if request.encoding is not None:
        return "the request declares a charset"
    return None


def has_bypass_cookie(request: HttpRequest, layers: Layers) -> bool:
    """Tell whether a cookie of the request makes its answer a visitor's own."""
    if "COOKIES" in request.__dict__:
        return not layers.bypass_cookies.isdisjoint(request.COOKIES)
    header: str = request.META.get("HTTP_COOKIE", "")
    return header != "" and layers.cookies_that_bypass.search(header) is not None
