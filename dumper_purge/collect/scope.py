"""Blocks in which changes are kept together, or kept back."""

from collections.abc import Iterator
from contextlib import contextmanager

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.blocks import Block, current_block
from dumper_purge.collect.collector import purge
from dumper_purge.collect.forwarding import forward
from dumper_purge.collect.request import RequestScope, open_request

__all__ = ["Paused", "RequestScope", "collecting", "open_request", "paused"]


@contextmanager
def collecting() -> Iterator[None]:
    """Purge everything that changes in the block as one batch at its end, also if it raises.

    It is of this thread or task only. Inside ``atomic()`` the batch waits for the commit.
    """
    block = Block(withholds=False)
    block.open()
    try:
        yield
    finally:
        block.close()
        _hand_on(block)


def _hand_on(block: Block) -> None:
    around = current_block()
    for alias, segment in block.segments.items():
        if alias is not None and around is not None:
            around.segments[alias].merge(segment)
        else:
            forward(segment.resolved().build(), segment.entries)


class Paused:
    """What a :func:`paused` block has kept back."""

    def __init__(self, block: Block) -> None:
        self._block = block

    @property
    def batch(self) -> PurgeBatch:
        """All that the block has collected so far."""
        merged = PurgeBatch()
        for segment in self._block.segments.values():
            merged |= segment.batch.build()
        return merged

    def purge(self) -> None:
        """Purge it after all, behind the block; inside a transaction, when that commits."""
        if self._block.is_here():
            raise RuntimeError(
                "Paused.purge() inside its own block would be kept back as well: call it after the"
                " block."
            )
        for alias, segment in list(self._block.segments.items()):
            purge(segment.batch.build(), alias)


@contextmanager
def paused() -> Iterator[Paused]:
    """Purge nothing that changes in the block; the value has the batch, to purge or to drop.

    It is of this thread or task only. What a transaction changes that is rolled back inside the
    block is not in the batch.
    """
    block = Block(withholds=True)
    block.open()
    try:
        yield Paused(block)
    finally:
        block.close()
        for segment in block.segments.values():
            segment.resolved()
