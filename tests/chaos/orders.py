"""What writers are told to write, at random."""

import random
import threading
import time
from collections.abc import Iterable
from typing import Any

from tests.chaos.shelf import SIZES, Shelf

__all__ = ["Orders"]

_RETIRING = 0.15
_NOTICES = 0.3
_MIX = {
    "save": 20,
    "save in autocommit": 12,
    "rename": 14,
    "rename by query": 6,
    "delete": 3,
    "link": 12,
    "raise prices": 8,
    "change size": 4,
    "change notice": 1,
    "roll back": 5,
    "roll back a part": 5,
}
_IN_A_TRANSACTION = {
    "save", "rename", "rename by query", "delete", "link", "change size", "add", "add many",
    "roll back a part", "change notice",
}  # fmt: skip


class Orders:
    """``fates`` are met, each by the next order that has a COMMIT.

    The notice, which stands on most pages, changes only in the beginning: each time whatever is
    stale is purged.
    """

    def __init__(self, shelf: Shelf, *, seconds: float) -> None:
        self.shelf = shelf
        self._last_notice = time.monotonic() + _NOTICES * seconds
        self.fates: list[str] = []
        self._lock = threading.Lock()

    def next(self, chance: random.Random) -> tuple[dict[str, Any], dict[int, str]]:
        """Return an order for the site's write view, and the pages of which it is the last."""
        is_last = bool(self.fates) or chance.random() < _RETIRING
        pks = self.shelf.some_flavours(chance, 4, oldest_first=is_last)
        if len(pks) < 2 or (not self.shelf.is_full() and chance.random() < 0.2):
            order = self._add(chance)
        else:
            order = self._change(chance, pks)
        pages = self.shelf.retired(self.flavours_of(order)) if is_last else {}
        if order["operation"] in _IN_A_TRANSACTION:
            with self._lock:
                if self.fates:
                    order["fate"] = self.fates.pop(0)
        return order, pages

    def flavours_of(self, order: dict[str, Any]) -> Iterable[int]:
        """Return the keys of the flavours that an order changes."""
        if order["operation"] in {"change size", "change notice"}:
            return []
        # What was added and never answered has a key that nobody knows.
        return order.get("pks") or [order[key] for key in ("pk", "other") if key in order]

    def _add(self, chance: random.Random) -> dict[str, Any]:
        if chance.random() < 0.3:
            slugs = sorted({self.shelf.some_slug(chance) for _ in range(2)})
            return {"operation": "add many", "slugs": slugs}
        sizes = chance.sample(range(1, SIZES + 1), 2)
        return {"operation": "add", "slug": self.shelf.some_slug(chance), "sizes": sizes}

    def _change(self, chance: random.Random, pks: list[int]) -> dict[str, Any]:
        name = chance.choices(list(_MIX), list(_MIX.values()))[0]
        order: dict[str, Any] = {"operation": name, "pk": pks[0]}
        size = chance.randint(1, SIZES)
        if name == "change notice" and time.monotonic() > self._last_notice:
            order["operation"] = name = "save"
        if name in {"rename", "rename by query", "roll back", "roll back a part"}:
            order["slug"] = self.shelf.some_slug(chance)
        if name == "roll back a part":
            order["other"] = pks[1]
        elif name == "link":
            order |= {"size": size, "reverse": chance.random() < 0.5}
        elif name == "change size":
            order |= {"pk": size, "slug": self.shelf.some_size_slug(chance, size)}
        elif name == "raise prices":
            order = {"operation": name, "pks": pks}
        elif name == "change notice":
            order = {"operation": name}
        return order
