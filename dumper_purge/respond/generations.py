"""Generations: each tag's token under a key of its own in the shared cache.

The keys carry no ``DUMPER_VERSION``: a purge by one release must reach the pages of the release
that runs beside it during a deploy, or that comes back after a rollback.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Collection, Iterable, Sequence

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from dumper_purge.conf import Conf
from dumper_purge.exceptions import Transient, described
from dumper_purge.respond import shared_cache, tokens
from dumper_purge.respond.shared_cache import Key

__all__ = ["ANY", "Generations"]

logger = logging.getLogger("dumper.respond")

ANY = "*"
"""The generation that every purge changes. No tag can have this name."""

_LONGEST = 60
_ATTEMPTS = 3


class Generations:
    """The generations of one site's tags. Everything here may raise what the cache raises."""

    def __init__(self, conf: Conf) -> None:
        self._conf = conf
        self._prefix = f"{conf.key_prefix}g."
        self._of_thread = threading.local()
        cache = caches[conf.cache_alias]
        self._make_key = cache.make_key
        self.are_shared = shared_cache.is_shared(cache, single_process=conf.single_process)
        """Whether the cache can carry the fence at all."""
        self.any_key = self.key(ANY)

    @property
    def cache(self) -> BaseCache:
        """The shared cache, by this thread's own connection."""
        try:
            cache: BaseCache = self._of_thread.cache
        except AttributeError:
            cache = self._of_thread.cache = caches[self._conf.cache_alias]
        return cache

    def made(self, plain: str) -> Key:
        """Return a key in both of its forms."""
        return Key(plain, self._make_key(plain))

    def key(self, tag: str) -> Key:
        """Return the key of a tag's token."""
        if len(tag) > _LONGEST:
            tag = "#" + hashlib.blake2b(tag.encode(), digest_size=16).hexdigest()
        return self.made(self._prefix + tag)

    def peek(self, tags: Collection[str]) -> dict[str, str]:
        """Return the tokens that exist."""
        found = shared_cache.read(self.cache, [self.key(tag) for tag in tags])
        return {tag: token for tag, token in zip(tags, found, strict=True) if token is not None}

    def read(self, tags: Collection[str]) -> dict[str, str]:
        """Return a token for each tag, adding those that are missing."""
        known = self.peek(tags)
        missing = [tag for tag in tags if tag not in known]
        if missing:
            known |= self.add(missing, self.peek((ANY,)).get(ANY))
        return known

    def add(self, missing: Iterable[str], latest: str | None) -> dict[str, str]:
        """Add a random token for each tag; what somebody else added first is read back.

        ``latest`` is the token of ``any``: only if it is there and tells that nothing was purged
        lately can a missing token not have been a recent one.
        """
        lately = max(self._conf.quarantine, self._conf.replica_lag)
        quiet = latest is not None and self.age(tokens.newest((latest,))) > lately
        cache, added, lost = self.cache, {}, []
        for tag in missing:
            token = tokens.old() if quiet and tag != ANY else tokens.fresh()
            if cache.add(self.key(tag).plain, token, None):
                added[tag] = token
            else:
                lost.append(tag)
        return added | self.peek(lost) if lost else added

    def age(self, stamp: float, now: float | None = None) -> float:
        """Return how many seconds before ``now`` a token was written, at the least."""
        return (time.time() if now is None else now) - stamp - self._conf.clock_skew

    def bump(self, tags: Iterable[str]) -> None:
        """Give every tag a new token, ``any`` first; raise if that failed.

        A render that reads a tag's old token after its data may compare ``any`` only later: it
        must find ``any`` changed before the tag is.
        """
        if shared_cache.keeps_nothing(self.cache):
            return  # Nor is any page stored there.
        self._renew((self.any_key,))
        self._renew([self.key(tag) for tag in tags])

    def _renew(self, keys: Sequence[Key]) -> None:
        try:
            self._write(keys)
        except Transient:
            raise
        except Exception as error:
            self._remove(keys, error)

    def _write(self, keys: Sequence[Key]) -> None:
        for _ in range(_ATTEMPTS):
            # A fresh one each time: a token that somebody has read must never come back.
            keys = shared_cache.write(self.cache, keys, tokens.fresh())
            if not keys:
                return
        raise Transient(
            f"The cache {self._conf.cache_alias!r} (DUMPER_CACHE_ALIAS) did not store"
            f" {len(keys)} generations, such as {keys[0].plain!r}."
        )

    def _remove(self, keys: Sequence[Key], error: Exception) -> None:
        """Delete what could not be written: a full Redis still does that, and gone is purged.

        It counts only after an error was raised: a client that is silent about failures may be
        silent about this one, and what it does not find may be there.
        """
        try:
            self.cache.delete_many([key.plain for key in keys])
        except Exception:
            raise error from None
        logger.warning(
            "The cache %r (DUMPER_CACHE_ALIAS) took no new generations, so %d were deleted: %s."
            " If it is a Redis that is full, set maxmemory-policy to allkeys-lru or give it more"
            " memory.",
            self._conf.cache_alias, len(keys), described(error),
        )  # fmt: skip
