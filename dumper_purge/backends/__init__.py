"""The caches that are purged, one file per kind; ``DUMPER_BACKENDS`` lists them, inner first."""

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.options import build
from dumper_purge.conf import Conf, current

__all__ = ["BaseBackend", "configured", "problems"]

_built: tuple[Conf, tuple[BaseBackend, ...]] | None = None


def configured() -> tuple[BaseBackend, ...]:
    """Return the backends, innermost tier first; raise ImproperlyConfigured for a wrong one."""
    global _built
    conf = current()
    if _built is None or _built[0] is not conf:
        _built = (conf, tuple(build(alias, entry) for alias, entry in conf.backends.items()))
    return _built[1]


def problems() -> list[ImproperlyConfigured]:
    """Return the first error of each backend that is wrong; the system checks show them."""
    found = []
    for alias, entry in current().backends.items():
        try:
            build(alias, entry)
        except ImproperlyConfigured as error:
            found.append(error)
    return found
