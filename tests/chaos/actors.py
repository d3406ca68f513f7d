"""Readers and writers: threads that ask and change at random until they are told to stop."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos import races
from tests.chaos.ledger import Ledger
from tests.chaos.orders import Orders
from tests.chaos.shelf import Shelf
from tests.chaos.site.versions import flavours, shown
from tests.chaos.stage import Stage
from tests.chaos.visits import UNREACHABLE, get, post

__all__ = ["Actors", "Reader", "Writer"]

SLOWEST = 2.0
_SLOW = 0.15
_AT_A_VARNISH = 0.85
_LAST_COMMIT = 0.3
_DEADLOCK, _HURRY = 60.0, 1.0


class Actors:
    """Repeats each step in a thread of its own, for as long as a ``with`` block.

    What a step raises is raised at the end of the block.
    """

    def __init__(self, *steps: Callable[[], None]) -> None:
        self._errors: list[BaseException] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[step], daemon=True) for step in steps
        ]

    def __enter__(self) -> "Actors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_DEADLOCK if kind is None else _HURRY)
        if kind is None and self._errors:
            raise self._errors[0]

    def _run(self, step: Callable[[], None]) -> None:
        try:
            while not self._over.is_set():
                step()
        except BaseException as error:  # It is raised again where the block ends.
            self._errors.append(error)


class Reader:
    """Asks for pages, and notes how old they are."""

    def __init__(self, name: str, stage: Stage, shelf: Shelf, ledger: Ledger, seed: int) -> None:
        self._chance = random.Random(f"{seed} {name}")
        self._nodes = stage.nodes
        self._shelf = shelf
        self._ledger = ledger
        self.counts: Counter[str] = Counter()

    def step(self) -> None:
        """Read one page, then rest for a moment."""
        chance = self._chance
        at_a_varnish = chance.random() < _AT_A_VARNISH
        node = chance.choice(["outer", "inner"] if at_a_varnish else ["web 0", "web 1"])
        slow = chance.uniform(0.05, SLOWEST) if chance.random() < _SLOW else 0.0
        path, rest = self._shelf.some_path(chance), chance.uniform(0, 0.1)
        sent_at = time.monotonic()
        try:
            answer = get(self._nodes[node], path, slow=slow)
        except UNREACHABLE:
            self.counts["failed"] += 1
        else:
            self.counts[str(answer.status)] += 1
            if answer.status == 200:
                self._ledger.read(shown(answer.text), sent_at)
        time.sleep(rest)


class Writer:
    """Changes rows, by either web process, and notes what is committed."""

    def __init__(self, name: str, stage: Stage, orders: Orders, ledger: Ledger, seed: int) -> None:
        self._chance = random.Random(f"{seed} {name}")
        self._stage = stage
        self._orders = orders
        self._ledger = ledger
        self.counts: Counter[str] = Counter()

    def step(self) -> None:
        """Carry out one write, then rest for a moment."""
        chance = self._chance
        (order, last), rest = self._orders.next(chance), chance.uniform(0.1, 0.7)
        web = chance.randrange(len(self._stage.web_ports))
        name = order["operation"]
        for pk, path in list(last.items())[:1]:
            races.begin(self._stage, pk, path, chance)
        try:
            status, committed = post(self._stage.web_ports[web], "/chaos/write/", order)
        except UNREACHABLE:
            status, committed = 0, {}
        if status != 200:
            name = f"{name}, {status or 'unanswered'}"
            time.sleep(_LAST_COMMIT)
            # Whatever the database has by now is committed, if anybody was told or not.
            committed = flavours(self._orders.flavours_of(order))
        self._ledger.note(committed["versions"], f"{name} (web {web})")
        self._orders.shelf.note(committed["slugs"], committed["versions"])
        self.counts[name] += 1
        time.sleep(rest)
