"""The page cache in Django's own cache, the innermost tier."""

from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch

__all__ = ["PageCacheBackend"]


@dataclass(frozen=True, kw_only=True)
class PageCacheBackend(BaseBackend):
    """Store pages in the cache ``DUMPER_CACHE_ALIAS``.

    The fence's generations, which every purge records first, are what makes its pages unusable;
    nothing is left to send.
    """

    bypasses_session_cookie: bool = True
    instant: ClassVar[bool] = True

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Do nothing: the generations were recorded before."""
