"""One write, from before to after: the dependents of every row that it touches."""

import copy
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure

from dumper_purge.batch import BatchBuilder
from dumper_purge.collect.dependents import broaden, gather, unreadable
from dumper_purge.collect.plans import Plan, View
from dumper_purge.collect.rows import read
from dumper_purge.collect.rules import Rule
from dumper_purge.collect.stored import is_same

__all__ = ["Change"]

logger = logging.getLogger("dumper.collect")


class _Reached:
    """The rows of one view that this write has touched so far."""

    __slots__ = ("removed", "rules", "tracks", "values", "view")

    def __init__(self, view: View, rules: tuple[Rule, ...], *, removal: bool) -> None:
        self.view = view
        self.rules = rules
        self.removed = removal and not view.linked
        self.tracks = self.removed or any(rule.registration.track_changes for rule in rules)
        self.values: set[Any] = set()

    def include(self, rows: Iterable[Any], using: str) -> set[Any]:
        """Add the rows that written rows point at; return their keys."""
        values = {value for row in rows if (value := self.view.value(row, using)) is not None}
        self.values |= values
        return values

    def read(self, using: str) -> Iterator[Any]:
        """Yield all rows touched so far, as they are now."""
        return read(self.view.model, using, self.view.by, self.values)


class Change:
    """Collects into ``batch`` what a write to ``plan.model`` purges.

    ``names`` are the fields that are written (None: all), ``removal`` tells a deletion, and
    ``lenient`` raises no error of a dependents function.
    """

    __slots__ = (
        "_held", "_lenient", "_reached", "_rehearses", "_removal", "batch", "gave_up", "plan",
        "rules", "using",
    )  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        using: str,
        *,
        names: frozenset[str] | None = None,
        removal: bool = False,
        lenient: bool = False,
    ) -> None:
        self.plan = plan
        self.using = using
        self.batch = BatchBuilder()
        self.gave_up = False
        self.rules = plan.rules
        if names is not None:
            self.rules = tuple(rule for rule in plan.rules if rule.concerns(names))
        self._reached = _reached(plan, names, removal=removal) if plan.views else []
        self._removal = removal
        self._lenient = lenient
        self._rehearses = False
        self._held: dict[tuple[Rule, Any], tuple[list[Any], BatchBuilder]] = {}

    def __bool__(self) -> bool:
        """Whether the written fields matter to anything."""
        return bool(self.rules or self._reached)

    @property
    def looks_back(self) -> bool:
        """Whether the written rows have to be read before the write."""
        return (
            self._removal
            or any(rule.registration.track_changes for rule in self.rules)
            or any(reached.tracks or reached.view.linked for reached in self._reached)
        )

    @property
    def shows_rows(self) -> bool:
        """Whether pages show the written rows themselves, and not only what they join."""
        return bool(self.rules) or not all(reached.view.linked for reached in self._reached)

    def before(self, rows: Iterable[Any]) -> None:
        """Take the written rows as they are in the database before the write."""
        rows = self.listed(rows)
        for row in rows:
            for rule in self.rules:
                self._old(rule, row, removed=self._removal)
        self.before_at_ends(rows)

    def before_at_ends(self, rows: Iterable[Any]) -> None:
        """Take only what the rows point at, because they are not in the database yet."""
        for reached in self._reached:
            view, values = reached.view, reached.include(rows, self.using)
            if reached.tracks:
                found = read(view.model, self.using, view.by, values, lock=not view.linked)
                for row in self.listed(found):
                    for rule in reached.rules:
                        self._old(rule, row, removed=reached.removed)

    def before_as_parents(self, instance: Any) -> None:
        """Take the rows of registered parents to which a save adds a row of a child model."""
        for view in self.plan.parents:
            key = view.value(instance, self.using) or instance.pk
            found = read(view.model, self.using, view.by, {key} - {None}, lock=True)
            for row in self.listed(found):
                for rule in view.rules:
                    self._old(rule, row, removed=False)

    def rehearsal(self) -> "Change":
        """Return a change that knows as much, to see what it would purge.

        Of errors of a dependents function it tells nobody: the change itself comes to them, too.
        """
        twin = copy.copy(self)
        twin.batch = BatchBuilder()
        twin.batch.merge(self.batch)
        twin._held = dict(self._held)
        twin._rehearses = True
        return twin

    def after_failure(self, rows: Iterable[Any]) -> None:
        """Take rows of a write that raised; raise nothing in its place."""
        self._lenient = True
        try:
            self.after(rows)
        except Exception:
            logger.exception("Rows of %s cannot be read; purging broadly", self.plan.model)

    def after(self, rows: Iterable[Any], *, joining: Iterable[Any] = ()) -> None:
        """Take the written rows as they are now; none of them where they were deleted.

        ``joining`` are objects of which only what they point at is taken.
        """
        try:
            rows = self.listed(rows)
            for row in rows:
                for rule in self.rules:
                    self._new(rule, row)
            for reached in self._reached:
                reached.include((*rows, *joining), self.using)
                for row in self.listed(reached.read(self.using)):
                    for rule in reached.rules:
                        self._new(rule, row)
        except BaseException:
            self.give_up()
            raise
        finally:
            for _, batch in self._held.values():
                self.batch.merge(batch)

    def listed(self, rows: Iterable[Any]) -> list[Any]:
        """Read rows; where one cannot be decoded, none, and purge broadly.

        Whoever writes over a broken row must be able to. Raises DependentsError in strict mode.
        """
        try:
            return list(rows)
        except DatabaseFailure:
            raise
        except Exception as error:
            self.give_up()
            if not self._rehearses:
                unreadable(error, self.plan.model, self.batch.build(), lenient=self._lenient)
            return []

    def give_up(self) -> None:
        """Purge broadly, because the rows are too many or cannot be read."""
        self.gave_up = True
        broaden(self.batch, self.rules)
        for reached in self._reached:
            broaden(self.batch, reached.rules)

    def _old(self, rule: Rule, row: Any, *, removed: bool) -> None:
        if removed:
            self._gather(rule, row, self.batch)
        elif rule.registration.track_changes:
            if rule.attnames is None:
                self._gather(rule, row, self.batch)
            else:
                batch = BatchBuilder()
                self._gather(rule, row, batch)
                columns = [getattr(row, attname) for attname in rule.attnames]
                self._held[rule, row.pk] = (columns, batch)

    def _new(self, rule: Rule, row: Any) -> None:
        held = self._held.pop((rule, row.pk), None) if rule.attnames is not None else None
        if held is not None:
            columns, batch = held
            if rule.attnames is not None and _same(row, rule.attnames, columns):
                return
            self.batch.merge(batch)
        self._gather(rule, row, self.batch)

    def _gather(self, rule: Rule, row: Any, batch: BatchBuilder) -> None:
        gather(rule, row, batch, self.using, lenient=self._lenient, is_rehearsal=self._rehearses)


def _reached(plan: Plan, names: frozenset[str] | None, *, removal: bool) -> list[_Reached]:
    return [
        _Reached(view, rules, removal=removal)
        for view in plan.views
        if (rules := tuple(rule for rule in view.rules if rule.concerns(names)))
    ]


def _same(row: Any, attnames: tuple[str, ...], columns: list[Any]) -> bool:
    """Tell whether a row has the same columns; those it has not loaded were not written."""
    loaded = row.__dict__
    return all(
        is_same(loaded.get(attname, column), column) or _means(row, attname, column)
        for attname, column in zip(attnames, columns, strict=True)
    )


def _means(row: Any, attname: str, column: Any) -> bool:
    """Tell whether a value that was assigned, such as "5", is what the database has, such as 5."""
    try:
        return is_same(row._meta.get_field(attname).to_python(row.__dict__[attname]), column)
    except (TypeError, ValueError, ValidationError):
        return False
