"""Which of ``DUMPER_BACKENDS`` is the Varnish that the VCL is for."""

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends import configured
from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.rendering.problem import problem

__all__ = ["varnish"]

_ADD = (
    "DUMPER_BACKENDS has no dumper_purge.backends.varnish.VarnishBackend: add one, with its token"
    " in OPTIONS."
)


def varnish(alias: str | None) -> VarnishBackend:
    """Return the backend of this alias, or the only one; raise ImproperlyConfigured."""
    found = {each.alias: each for each in configured() if isinstance(each, VarnishBackend)}
    if not found:
        raise ImproperlyConfigured(_ADD)
    names = ", ".join(found)
    if alias is None and len(found) > 1:
        raise ImproperlyConfigured(f"DUMPER_BACKENDS has several Varnishes: name one of {names}.")
    alias = alias or next(iter(found))
    if alias not in found:
        raise problem("ALIAS", alias, f"is no Varnish of DUMPER_BACKENDS: name one of {names}")
    return found[alias]
