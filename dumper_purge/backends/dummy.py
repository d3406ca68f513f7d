"""A backend for sites, or tests, without a cache."""

from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch

__all__ = ["DummyBackend"]


@dataclass(frozen=True, kw_only=True)
class DummyBackend(BaseBackend):
    """Purge nothing."""

    bypasses_session_cookie: bool = True
    instant: ClassVar[bool] = True

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Do nothing."""
