"""The rows that writers still change, and the paths that readers ask for.

A row is retired at some moment: nobody changes it from then on, so that a purge that was lost then
is still to be seen at the end.
"""

import random
import threading
from collections.abc import Iterable, Mapping

from tests.chaos.site.versions import GONE

__all__ = ["Shelf"]

SIZES = 24
_SIZE_SLUGS = [f"size-{number}" for number in range(SIZES * 2)]
_FIRST = 48


class Shelf:
    """Flavours by their primary keys, with the slugs they are known to have."""

    first = _FIRST

    def __init__(self, slugs: int) -> None:
        self._lock = threading.Lock()
        self._slugs = [f"flavour-{number}" for number in range(slugs)]
        self._active: dict[int, str] = {}
        self._retired: set[int] = set()

    @property
    def paths(self) -> list[str]:
        """Every path that can have a page."""
        flavours = [f"/flavours/{slug}/" for slug in self._slugs]
        return ["/", "/feed.xml", *(f"/sizes/{slug}/" for slug in _SIZE_SLUGS), *flavours]

    def some_slug(self, chance: random.Random) -> str:
        return chance.choice(self._slugs)

    def some_size_slug(self, chance: random.Random, pk: int) -> str:
        """Return one of the two slugs that a size may have."""
        return chance.choice(_SIZE_SLUGS[2 * (pk - 1) : 2 * pk])

    def some_path(self, chance: random.Random) -> str:
        """Return a path; those of rows that change are asked for more often."""
        kind = chance.random()
        if kind < 0.2:
            return chance.choice(self.paths[: 2 + len(_SIZE_SLUGS)])
        with self._lock:
            active = list(self._active.values())
        if kind < 0.6 and active:
            return f"/flavours/{chance.choice(active)}/"
        return f"/flavours/{self.some_slug(chance)}/"

    def some_flavours(
        self, chance: random.Random, count: int, *, oldest_first: bool = False
    ) -> list[int]:
        """Return the keys of rows that are not retired.

        The oldest one is that whose last write is the longest ago.
        """
        with self._lock:
            active = list(self._active)
        some = chance.sample(active, min(count, len(active)))
        return list(dict.fromkeys([*active[:1], *some]))[:count] if oldest_first else some

    def is_full(self) -> bool:
        """Tell whether no more rows are wanted."""
        return len(self._active) >= self.first

    def retired(self, pks: Iterable[int]) -> dict[int, str]:
        """Let rows be changed no more after this; return the paths of their pages."""
        with self._lock:
            slugs = {pk: self._active.pop(pk) for pk in pks if pk in self._active}
            self._retired |= slugs.keys()
        return {pk: f"/flavours/{slug}/" for pk, slug in slugs.items()}

    def note(self, slugs: Mapping[str, str], versions: Mapping[str, int]) -> None:
        """Note the slugs of rows that were written, and the rows that are gone."""
        with self._lock:
            for pk, slug in slugs.items():
                if int(pk) not in self._retired:
                    self._active.pop(int(pk), None)
                    self._active[int(pk)] = slug
            for row, version in versions.items():
                if version == GONE:
                    self._active.pop(int(row.split()[1]), None)
