"""The host of a request, validated by Django once for each spelling."""

from django.conf import settings
from django.http import HttpRequest

__all__ = ["host_of"]

_MOST = 1024
_valid: set[tuple[str, tuple[str, ...], bool]] = set()


def host_of(request: HttpRequest) -> str:
    """Return the host, with its port, as it was sent; raise DisallowedHost."""
    raw = request._get_raw_host()
    known = (raw, tuple(settings.ALLOWED_HOSTS), settings.DEBUG)
    if known in _valid:
        return raw
    host = request.get_host()
    if host == raw:
        if len(_valid) >= _MOST:
            _valid.clear()
        _valid.add(known)
    return host
