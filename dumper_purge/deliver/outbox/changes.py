"""What becomes of the entries of any number of deliveries, in one transaction for each database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.deliver.outbox import table
from dumper_purge.deliver.outbox.rows import Left

__all__ = ["Changes"]


@dataclass
class _Change:
    """Of one database: ``after`` are those that go when what is left stands in another one."""

    retargeted: list[tuple[str, Left]] = field(default_factory=list)
    added: list[tuple[Left, float | None]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


class Changes:
    """Collects, and is then carried out once."""

    def __init__(self) -> None:
        self._of: dict[str, _Change] = {}

    def add(self, using: str, left: Iterable[Left]) -> None:
        """Write what is left of an entry that stays open."""
        self._in(using).added += [(each, None) for each in left]

    def close(
        self,
        refs: Sequence[EntryRef],
        left: Sequence[Left] = (),
        *,
        batch: PurgeBatch | None = None,
        created: float | None = None,
    ) -> None:
        """Replace entries by what is left of them, if anything is.

        ``batch`` is what a single entry holds, if known, and ``created`` when the oldest of them
        was written.
        """
        if not refs:
            return
        first = refs[0].using
        if len(refs) == len(left) == 1 and left[0].batch == batch:
            self._in(first).retargeted.append((refs[0].id, left[0]))
            return
        self._in(first).added += [(each, created) for each in left]
        for ref in refs:
            goes_now = not left or ref.using == first
            change = self._in(ref.using)
            (change.deleted if goes_now else change.after).append(ref.id)

    def carry_out(self) -> None:
        """Do all of it; raise what a database raises."""
        for using, change in self._of.items():
            table.change(using, change.retargeted, change.added, change.deleted)
        for using, ids in self._later():
            table.delete(using, ids)

    def _later(self) -> Iterator[tuple[str, list[str]]]:
        return ((using, change.after) for using, change in self._of.items() if change.after)

    def _in(self, using: str) -> _Change:
        return self._of.setdefault(using, _Change())
