"""What this process remembers of the pages it saw: enough to find them with one read."""

from typing import NamedTuple

from dumper_purge.respond.shared_cache import Key

__all__ = ["Hint", "forget", "recall", "remember"]

_MOST = 4096


class Hint(NamedTuple):
    """The request headers a page varied on, and its own tags. Verified, never trusted."""

    vary: tuple[str, ...]
    own: tuple[str, ...]
    keys: tuple[Key, ...]
    """Of the tokens of ``own``."""


_hints: dict[Key, Hint] = {}


def recall(key: Key) -> Hint | None:
    """Return what is remembered of an address's pages."""
    return _hints.get(key)


def remember(key: Key, hint: Hint) -> None:
    """Remember an address's pages; of too many all are forgotten, which threads can bear."""
    if len(_hints) >= _MOST and key not in _hints:
        _hints.clear()
    _hints[key] = hint


def forget() -> None:
    """Remember nothing."""
    _hints.clear()
