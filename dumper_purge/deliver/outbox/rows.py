"""What a row of the outbox says: as it is claimed, and as what is left is put in its place."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.step import Step

__all__ = ["EVERYWHERE", "Left", "Row", "by_database", "new_id", "written_at"]

EVERYWHERE = ""
"""The alias of an entry for all backends, and the node of one for all nodes of its backend."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is left of a batch, for a backend or one of its nodes, due in so many seconds."""

    batch: PurgeBatch
    alias: str = EVERYWHERE
    node: str = EVERYWHERE
    step: Step = Step.SEND
    seconds: float = 0.0
    attempts: int = 0
    error: str = ""
    dead: bool = False

    @property
    def state(self) -> str:
        """Return the state as it is stored."""
        return "dead" if self.dead else "pending"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claimed entry; ``batch`` and ``step`` are as they were stored."""

    ref: EntryRef
    batch: str
    alias: str
    node: str
    step: str
    attempts: int
    created: float


def written_at(id: str) -> float:
    """Return when the entry with this id was written, on the clock of the process that did it."""
    return int(id[:12], 16) / 1_000


def new_id() -> str:
    """Return an id that no other row has; ids sort by the time of their making."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def by_database(refs: Iterable[EntryRef]) -> dict[str, list[str]]:
    """Return the ids of entries by the alias of their database."""
    found: dict[str, list[str]] = {}
    for ref in refs:
        found.setdefault(ref.using, []).append(ref.id)
    return found
