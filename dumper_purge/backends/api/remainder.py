"""What of a batch is done, and what remains, when some items of its plan were purged."""

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from dumper_purge.backends.api.planning import Item, everything, planned
from dumper_purge.batch import BatchBuilder, PurgeBatch

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["behind", "carries_out"]


def behind(backend: "ApiBackend", batch: PurgeBatch, sent: AbstractSet[Item]) -> PurgeBatch:
    """Return the members of a batch that the items sent do not purge, or not as a whole."""
    if _is_everything(backend, sent):
        return PurgeBatch()
    builder = BatchBuilder()
    for single in batch.singles():
        if not planned(backend, single).items.keys() <= sent:
            builder.merge(single)
    return builder.build()


def carries_out(backend: "ApiBackend", batch: PurgeBatch, sent: AbstractSet[Item]) -> bool:
    """Tell whether the items purge at least one member of a batch as a whole."""
    plans = (planned(backend, single).items.keys() for single in batch.singles())
    return _is_everything(backend, sent) or any(items and items <= sent for items in plans)


def _is_everything(backend: "ApiBackend", sent: AbstractSet[Item]) -> bool:
    plan = everything(backend)
    return plan is not None and plan.items.keys() <= sent
