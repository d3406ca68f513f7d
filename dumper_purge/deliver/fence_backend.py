"""The fence as what it is to a delivery: the innermost tier."""

from dataclasses import dataclass
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver.errand import FENCE_ALIAS
from dumper_purge.respond import fence

__all__ = ["FENCE"]


@dataclass(frozen=True, kw_only=True)
class _FenceBackend(BaseBackend):
    instant: ClassVar[bool] = True

    def send(self, batch: PurgeBatch, node: str) -> None:
        fence.record(batch)


FENCE = _FenceBackend(alias=FENCE_ALIAS)
"""Its alias is the one of its entries in the outbox; no backend may have the same."""
