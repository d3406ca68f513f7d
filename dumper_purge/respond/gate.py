"""Which requests the caches have nothing to do with."""

from django.http import HttpRequest

from dumper_purge.respond.layers import Layers

__all__ = ["IGNORED", "METHOD", "bypass"]

METHOD = "the method is unsafe"
IGNORED = "the path is ignored"

_COOKIE = "the request has a session, message or bypass cookie"


def bypass(request: HttpRequest, layers: Layers) -> str | None:
    """Return why a request is neither answered from what is stored nor stored itself, if so."""
    if request.method not in {"GET", "HEAD"}:
        return METHOD
    if layers.conf.path_ignore_regex.search(request.path):
        return IGNORED
    said = request.META.get
    # gunicorn takes both from headers of a trusted peer, which may only hand on a visitor's.
    if "HTTP_SCRIPT_NAME" in request.META or "HTTP_PATH_INFO" in request.META:
        return "the request says where the site begins"
    if said("HTTP_AUTHORIZATION") or said("REMOTE_USER"):
        return "the request carries credentials"
    if _has_bypass_cookie(request, said("HTTP_COOKIE", ""), layers):
        return _COOKIE
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


def _has_bypass_cookie(request: HttpRequest, header: str, layers: Layers) -> bool:
    if header and layers.cookies_that_bypass.search(header):
        return True
    # Django takes away white space that is spelled in several bytes, too.
    is_plain = header.isascii() and "COOKIES" not in request.__dict__
    return not is_plain and not layers.bypass_cookies.isdisjoint(request.COOKIES)
