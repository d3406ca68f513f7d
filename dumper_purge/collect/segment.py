"""A part of a batch that stands or falls as one, such as what one savepoint has added."""

from collections import defaultdict
from typing import Any

from django.db.models import Model

from dumper_purge import conf
from dumper_purge.batch import BatchBuilder
from dumper_purge.collect.change import Change
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.collect.plans import plan_for
from dumper_purge.collect.rows import read

__all__ = ["Segment"]


class Segment:
    """What to purge, and rows whose dependents cannot be computed yet (of a fixture).

    ``entries`` are those of the outbox that hold what is committed already.
    """

    __slots__ = ("batch", "entries", "rows")

    def __init__(self) -> None:
        self.batch = BatchBuilder()
        self.entries: list[EntryRef] = []
        self.rows: dict[tuple[str, type[Model]], set[Any]] = defaultdict(set)

    def merge(self, other: "Segment") -> None:
        """Add all that another segment holds."""
        self.batch.merge(other.batch)
        self.entries += other.entries
        for key, pks in other.rows.items():
            self.rows[key] |= pks

    def resolved(self) -> BatchBuilder:
        """Return what to purge, with the dependents of the rows that waited; never raises."""
        rows, self.rows = self.rows, defaultdict(set)
        for (using, model), pks in rows.items():
            self._resolve(using, model, pks)
        return self.batch

    def _resolve(self, using: str, model: type[Model], pks: set[Any]) -> None:
        plan = plan_for(model)
        if plan is None:
            return
        change = Change(plan, using, lenient=True)
        if len(pks) > conf.current().bulk_limit:
            change.give_up()
        else:
            change.after_failure(read(model, using, "pk", pks))
        self.batch.merge(change.batch)
