"""The request's cookies, remembering which of them were looked at."""

import sys
from collections.abc import Iterator
from typing import Any

from django.middleware import csrf

__all__ = ["ALL", "RecordingCookies"]

ALL = "*"
"""Stands for every cookie among the names that were read."""

_CSRF = csrf.__name__


class RecordingCookies(dict[str, str]):
    """A dict that remembers the names read, those of absent cookies too.

    A page depends as much on a cookie that was not there: it would look different with it.
    """

    def __init__(self, cookies: dict[str, str]) -> None:
        super().__init__(cookies)
        self.read: set[str] = set()

    def have_any(self, names: frozenset[str]) -> bool:
        """Tell whether one of these cookies is there, without counting as having looked."""
        return not names.isdisjoint(super().keys())

    def __getitem__(self, name: str) -> str:
        # Django looks at the cookie of CSRF in any request; that its token is used shows elsewhere.
        if sys._getframe(1).f_globals.get("__name__") != _CSRF:
            self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self.read.add(name)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().setdefault(name, default)

    def _all(self) -> Any:
        self.read.add(ALL)
        return super()

    def __iter__(self) -> Iterator[str]:
        names: Iterator[str] = self._all().__iter__()
        return names

    def __reversed__(self) -> Iterator[str]:
        names: Iterator[str] = self._all().__reversed__()
        return names

    def __len__(self) -> int:
        count: int = self._all().__len__()
        return count

    def __bool__(self) -> bool:
        return len(self) > 0

    def __eq__(self, other: object) -> bool:
        return bool(self._all().__eq__(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self._all().__or__(other)

    def __ror__(self, other: Any) -> Any:
        return self._all().__ror__(other)

    def __repr__(self) -> str:
        text: str = self._all().__repr__()
        return text

    def keys(self) -> Any:
        return self._all().keys()

    def values(self) -> Any:
        return self._all().values()

    def items(self) -> Any:
        return self._all().items()

    def copy(self) -> dict[str, str]:
        copied: dict[str, str] = self._all().copy()
        return copied

    def popitem(self) -> tuple[str, str]:
        item: tuple[str, str] = self._all().popitem()
        return item
