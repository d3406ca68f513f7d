"""The cache that is shared: named rightly, of all processes, and large enough."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from dumper_purge import conf
from dumper_purge.checks.messages import error, warning

__all__ = ["check_cache"]

FEWEST_ENTRIES = 10_000
_PER_PROCESS = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)
_CULLED = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.filebased.FileBasedCache",
    "django.core.cache.backends.db.DatabaseCache",
)


@register("dumper_purge", "caches")
def check_cache(**kwargs: Any) -> list[CheckMessage]:
    """Check the cache that ``DUMPER_CACHE_ALIAS`` names: known, shared, and large enough."""
    if conf.problems() or not conf.current().enabled:
        return []
    alias = conf.current().cache_alias
    options = settings.CACHES.get(alias)
    if options is None:
        return [
            error(
                5,
                f"DUMPER_CACHE_ALIAS = {alias!r} is no alias of CACHES.",
                f"Use one of {', '.join(sorted(settings.CACHES))}, or add it to CACHES.",
            )
        ]
    return [*_per_process(alias, options), *_too_small(alias, options)]


def _per_process(alias: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    if options["BACKEND"] not in _PER_PROCESS or _is_said_to_be_one_process():
        return
    what_then = "so nothing is stored"
    if conf.current().single_process:
        what_then = "which is accepted while DEBUG is on, and then such pages stay old"
    yield warning(
        6,
        f"The cache {alias!r} ({options['BACKEND']}) belongs to one process. A save in another"
        f" process, or in manage.py, cannot purge its pages, {what_then}.",
        "Let DUMPER_CACHE_ALIAS name a cache that all processes share (Redis, Memcached,"
        " database, file), or set DUMPER_SINGLE_PROCESS = True if there is only one.",
    )


def _is_said_to_be_one_process() -> bool:
    return getattr(settings, "DUMPER_SINGLE_PROCESS", None) is True


def _too_small(alias: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    if options["BACKEND"] not in _CULLED:
        return
    inner = options.get("OPTIONS", {})
    entries = options.get("MAX_ENTRIES", inner.get("MAX_ENTRIES", 300))
    if int(entries) < FEWEST_ENTRIES:
        yield warning(
            7,
            f"The cache {alias!r} keeps at most {entries} entries; every page and every purged"
            " path needs one.",
            f"Set 'OPTIONS': {{'MAX_ENTRIES': {FEWEST_ENTRIES}}} or more in CACHES[{alias!r}].",
        )
