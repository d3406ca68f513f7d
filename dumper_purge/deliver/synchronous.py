"""Delivery for whoever wants to know what came of it, such as a management command."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.deliver.entry import place
from dumper_purge.signals import purge_failed, purge_sent

__all__ = ["purge_and_wait"]


def purge_and_wait(batches: Iterable[PurgeBatch], timeout: float) -> dict[str, Exception | None]:
    """Purge batches; then wait for all nodes, retries and second purges, so many seconds at most.

    Returns each node's last error, by alias and node; None for a node that was purged.
    """
    with _outcomes() as outcomes:
        for batch in batches:
            delivery.deliver(batch)
        for entry in delivery.finish(timeout):
            if outcomes.get(str(entry)) is None:
                outcomes[str(entry)] = TimeoutError(f"not finished within {timeout:g} s")
    return outcomes


@contextmanager
def _outcomes() -> Iterator[dict[str, Exception | None]]:
    outcomes: dict[str, Exception | None] = {}

    def note(*, alias: str, node: str, error: Exception | None = None, **kwargs: Any) -> None:
        outcomes[place(alias, node)] = error

    purge_sent.connect(note, weak=False)
    purge_failed.connect(note, weak=False)
    try:
        yield outcomes
    finally:
        purge_sent.disconnect(note)
        purge_failed.disconnect(note)
