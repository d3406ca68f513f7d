"""One purge of a batch by calls: those made now, those left for later, and what they leave."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from dumper_purge.backends.api.planning import Item, planned
from dumper_purge.backends.api.remainder import behind, carries_out
from dumper_purge.backends.api.sending import Sending, grouped
from dumper_purge.backends.outcome import worst
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError, Rejected, Unfinished

if TYPE_CHECKING:
    from dumper_purge.backends.api.backend import ApiBackend

__all__ = ["Purge"]

_Calls = list[list[Item]]
"""The items of each call."""


class Purge:
    """``now`` are the calls that the rate allows at once, ``later`` the others."""

    def __init__(self, backend: "ApiBackend", batch: PurgeBatch) -> None:
        self._backend = backend
        self._batch = batch
        self._plan = planned(backend, batch)
        self._calls: _Calls = list(grouped(backend, self._plan.items))

    @property
    def now(self) -> _Calls:
        """The calls that are made at once."""
        return self._calls[: self._allowed]

    @property
    def later(self) -> _Calls:
        """The calls that are left for later."""
        return self._calls[self._allowed :]

    @cached_property
    def _allowed(self) -> int:
        """How many calls are made at once: at least what one member of the batch takes.

        With fewer nothing would ever be carried out as a whole.
        """
        count, backend = len(self._calls), self._backend
        allowed = count if backend.rate is None else min(backend.burst, count)
        while allowed < count and not self._carry_out_any(self._calls[:allowed]):
            allowed = min(2 * allowed, count)
        return allowed

    def _carry_out_any(self, calls: _Calls) -> bool:
        return carries_out(self._backend, self._batch, _items(calls))

    def carry_out(self) -> None:
        """Make the calls; raise what went wrong, with what is left to be done."""
        sending = Sending(self._backend, self.now)
        sending.run()
        errors, later = sending.errors, self.later
        if errors and (sending.stopped or not later):
            raise self._failure(errors, {*sending.unsent, *_items(later)})
        if later:
            raise self._unfinished(sending)
        if self._plan.impossible:
            raise Rejected(
                f"{self._backend.alias} cannot purge {self._plan.impossible} exactly: set"
                " allow_everything to True, or purge something else.",
                left=self._plan.impossible,
            )

    def _failure(self, errors: list[PurgeError], unsent: set[Item]) -> PurgeError:
        """Return the error that decides what comes next, with what is left to be done."""
        error = worst(errors)
        error.left = self._behind(unsent) | self._plan.impossible
        return error

    def _unfinished(self, sending: Sending) -> Unfinished:
        """Return that the rest comes later, and what is refused and does not."""
        later, rate = self.later, self._backend.rate
        assert rate is not None
        rest = self._behind(_items(later)) | self._plan.impossible
        refused = next(iter(sending.errors), None)
        if refused is not None:
            refused.left = self._behind(set(sending.unsent)) - rest
        return Unfinished(
            f"{len(later)} calls are left for later",
            wait=min(len(later), self._backend.burst) / rate,
            left=rest,
            refused=refused,
        )

    def _behind(self, unsent: set[Item]) -> PurgeBatch:
        """Return the part of the batch that stands behind items."""
        if not unsent:
            return PurgeBatch()
        return behind(self._backend, self._batch, self._plan.items.keys() - unsent)


def _items(calls: Iterable[list[Item]]) -> set[Item]:
    return {item for call in calls for item in call}
