"""What becomes of committed changes: they stay in a block, join the request, or leave at once."""

from collections.abc import Sequence

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.outlet import EntryRef, outlet
from dumper_purge.collect.request import current_request

__all__ = ["forward", "forward_transaction"]


def forward(batch: PurgeBatch, entries: Sequence[EntryRef] = ()) -> None:
    """Purge what was changed in autocommit, merged with the rest of its block or request."""
    if batch and not _is_kept(batch, entries):
        request = current_request()
        if request is None or not request.add(batch, entries):
            outlet().deliver(batch, entries=entries)


def forward_transaction(batch: PurgeBatch, entries: Sequence[EntryRef] = ()) -> None:
    """Purge what a transaction has committed, at once if no block keeps it."""
    if batch and not _is_kept(batch, entries):
        outlet().deliver(batch, entries=entries)


def _is_kept(batch: PurgeBatch, entries: Sequence[EntryRef]) -> bool:
    block = current_block()
    if block is not None:
        block.segments[None].batch.merge(batch)
        block.segments[None].entries += entries
    return block is not None
