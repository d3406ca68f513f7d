"""A backend for tests, which remembers what it was asked to purge."""

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch

__all__ = ["LocMemBackend"]

_sent: defaultdict[str, list[PurgeBatch]] = defaultdict(list)


@dataclass(frozen=True, kw_only=True)
class LocMemBackend(BaseBackend):
    """Remember each batch, in this process, by the node's name (the alias, without LOCATION)."""

    bypasses_session_cookie: bool = True
    instant: ClassVar[bool] = True

    @staticmethod
    def sent(node: str) -> list[PurgeBatch]:
        """Return the batches that were sent to a node, oldest first; clear the list to forget."""
        return _sent[node]

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Append the batch to ``sent(node)``."""
        _sent[node].append(batch)
