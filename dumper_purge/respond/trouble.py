"""The shared cache in trouble: said once in a while, never in anybody's way."""

import logging
import time

from dumper_purge.exceptions import described

__all__ = ["cache_failed", "cache_is_not_shared"]

logger = logging.getLogger("dumper.respond")

_QUIET_FOR = 10.0
_quiet_until = 0.0
_warned: set[str] = set()


def cache_failed(alias: str, error: Exception) -> None:
    """Log, at most every few seconds, that the shared cache raised."""
    global _quiet_until
    if time.monotonic() >= _quiet_until:
        _quiet_until = time.monotonic() + _QUIET_FOR
        logger.warning(
            "The cache %r (DUMPER_CACHE_ALIAS) failed; pages are served and not stored: %s",
            alias, described(error),
        )  # fmt: skip


def cache_is_not_shared(alias: str) -> None:
    """Log, once, that purges in other processes cannot be seen."""
    if alias not in _warned:
        _warned.add(alias)
        logger.warning(
            "The cache %r belongs to one process, or to none: no page is stored in it, and edges"
            " keep pages for DUMPER_DOUBT_TTL at most. Let DUMPER_CACHE_ALIAS name a cache that all"
            " processes share (Redis, Memcached, database, file), or set DUMPER_SINGLE_PROCESS ="
            " True if there is only one.",
            alias,
        )
