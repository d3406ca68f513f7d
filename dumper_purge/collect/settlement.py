"""What becomes of committed changes: they stay in a block, join the request, or leave at once."""

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.outlet import outlet
from dumper_purge.collect.request import current_request

__all__ = ["settle", "settle_transaction"]


def settle(batch: PurgeBatch) -> None:
    """Purge what was changed in autocommit, merged with the rest of its block or request."""
    if batch and not _is_kept(batch):
        request = current_request()
        if request is None or not request.add(batch):
            outlet().deliver(batch)


def settle_transaction(batch: PurgeBatch) -> None:
    """Purge what a transaction has committed, at once if no block keeps it."""
    if batch and not _is_kept(batch):
        outlet().deliver(batch)


def _is_kept(batch: PurgeBatch) -> bool:
    block = current_block()
    if block is not None:
        block.segments[None].batch.merge(batch)
    return block is not None
