"""Any nesting of transactions and savepoints: nothing committed is lost, nothing mixes."""

from contextlib import ExitStack

import pytest
from django.db import connection, transaction
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans

from dumper_purge.collect.scope import collecting, paused
from tests.zoo.models import Keeper

pytestmark = pytest.mark.django_db(transaction=True)


class Undo(Exception):
    """Rolls back."""


class Transactions(RuleBasedStateMachine):
    """Opens and leaves blocks, writes, and remembers what the database must have committed.

    Each open block is (its context manager, whether it undoes alone, the paths written in it).
    """

    outlet = None

    @initialize()
    def start(self):
        self.outlet.clear()
        self.blocks = []
        self.count = 0
        self.committed = set()
        self.transactions = 0
        self.seen = 0

    @rule(savepoint=booleans())
    def enter(self, savepoint):
        if len(self.blocks) < 6:
            block = transaction.atomic(savepoint=savepoint)
            block.__enter__()
            self.blocks.append((block, savepoint or not self.blocks, set()))

    @precondition(lambda self: not connection.needs_rollback)
    @rule()
    def write(self):
        self.count += 1
        Keeper(slug=f"k{self.count}").save()
        paths = self.blocks[-1][2] if self.blocks else self.committed
        paths.add(f"/keepers/k{self.count}/")

    @precondition(lambda self: self.blocks)
    @rule()
    def leave(self):
        undoes = connection.needs_rollback
        block, alone, paths = self.blocks.pop()
        block.__exit__(None, None, None)
        self._settle(paths, alone=alone, undone=undoes)

    @precondition(lambda self: self.blocks)
    @rule()
    def fail(self):
        block, alone, paths = self.blocks.pop()
        block.__exit__(Undo, Undo(), None)
        self._settle(paths, alone=alone, undone=True)

    def _settle(self, paths, *, alone, undone):
        """What an undone block without a savepoint wrote is undone with the one around it."""
        if undone and alone:
            return
        (self.blocks[-1][2] if self.blocks else self.committed).update(paths)

    @invariant()
    def what_is_committed_is_purged_and_nothing_else(self):
        if self.blocks:
            return
        purged = set().union(*(batch.paths for batch in self.outlet.sent))
        assert purged == self.committed

    @invariant()
    def each_transaction_is_one_batch(self):
        new = len(self.outlet.sent) - self.seen
        self.seen = len(self.outlet.sent)
        assert new <= 1

    def teardown(self):
        while self.blocks:
            self.fail()


def test_whatever_is_committed_is_purged_in_one_batch_for_each_transaction(register, outlet):
    register(Keeper)
    Transactions.outlet = outlet

    run_state_machine_as_test(
        Transactions, settings=settings(max_examples=150, stateful_step_count=30, deadline=None)
    )


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_blocks_of_every_kind_nest(register, outlet, depth):
    register(Keeper)

    with ExitStack() as stack:
        for _ in range(depth):
            stack.enter_context(transaction.atomic())
            stack.enter_context(collecting())
        Keeper.objects.create(slug="a")
        with paused() as held:
            Keeper.objects.create(slug="b")

    assert outlet.paths == [{"/keepers/a/"}]
    assert held.batch.paths == {"/keepers/b/"}
