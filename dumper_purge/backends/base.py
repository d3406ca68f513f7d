"""What every cache has in common: its OPTIONS, what its responses carry, how it is purged."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.batch import PurgeBatch

__all__ = ["BaseBackend"]

_BESIDE_OPTIONS = {"location": "['LOCATION']", "hosts": "['HOSTS']"}


@dataclass(frozen=True, kw_only=True)
class BaseBackend:
    """A cache in front of the site. Its fields are its OPTIONS; secrets have ``repr=False``.

    ``alias`` is its name in ``DUMPER_BACKENDS``, ``location`` its nodes, ``hosts`` the canonical
    hosts it serves (empty: all).
    """

    alias: str
    location: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    bypasses_session_cookie: bool = False
    """Requests with a session cookie never get a stored page from this cache."""
    repeat_after: float | None = None
    """Seconds after which the same purge is sent once more; 0: never; None: as this cache needs."""
    rate: float | None = None
    """Purges per second that all processes together send to it; None: no limit."""
    burst: int = 1
    """How many of them may go at once, after a quiet time."""

    repeat_default: ClassVar[float] = 0.0
    """What None means for ``repeat_after``."""
    tag_separator: ClassVar[str] = " "
    max_tags: ClassVar[int] = 1_000
    max_tag_bytes: ClassVar[int] = 8_000
    """The budget of one response's tag header, its name not included."""
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r".+")
    """What a tag must be like; any other is sent, and purged, as a hash."""
    strips: ClassVar[frozenset[str]] = frozenset()
    """Response headers, in lower case, that the caches outside of this one never see."""
    reads: ClassVar[frozenset[str]] = frozenset()
    """Response headers, in lower case, that it would go by although they are meant for others."""
    elapsed_header: ClassVar[str | None] = None
    """The response header that tells this cache how many seconds Django had a request, until it
    last looked whether the page was purged. What took longer on its way than a second purge is
    late may be old, and is kept for a moment only."""
    instant: ClassVar[bool] = False
    """A purge does no I/O: it is carried out inline, without a thread."""

    @property
    def ttl_header(self) -> str | None:
        """The response header this cache reads its TTL from; None if nothing stands in front."""
        return None

    @property
    def honoured_vary(self) -> frozenset[str] | None:
        """Lower-case members of Vary it keeps variants for; None: all but Cookie and ``*``."""
        return None

    @property
    def tag_header(self) -> str | None:
        """The response header this cache reads tags from; None where it knows no tags."""
        return None

    @property
    def covers_queries(self) -> bool:
        """A purge of a path covers every query of it; otherwise pages with one stay unstored."""
        return True

    @property
    def covers_ports(self) -> bool:
        """A purge reaches the pages of a host on all of its ports."""
        return bool(self.tag_header)

    @property
    def waits_for_fetches(self) -> bool:
        """A purge also covers the pages being fetched, so that no quarantine is needed."""
        return False

    def lifetime(self, ttl: int, grace: int) -> str:
        """Return the value of :attr:`ttl_header` for so many seconds; of 0, that it stores nothing.

        Not called where the header is ``Cache-Control``, which browsers read as well.
        """
        if not ttl:
            return "private, no-store, max-age=0"
        return f"max-age={ttl}, stale-if-error={grace}" if grace else f"max-age={ttl}"

    def spelled(self, tag: str) -> str:
        """Return a tag as this cache takes it."""
        if self.tag_form.fullmatch(tag):
            return tag
        return "h-" + hashlib.blake2b(tag.encode(), digest_size=10).hexdigest()

    def repeat_delay(self, batch: PurgeBatch) -> float:
        """Return the seconds after which ``batch`` is purged once more; 0: never."""
        return self.repeat_default if self.repeat_after is None else self.repeat_after

    def cost(self, batch: PurgeBatch) -> int:
        """Return how much of ``rate`` and ``burst`` the purge of a batch takes."""
        return 1

    def findings(self) -> Iterator[str]:
        """Ask this cache what in its own configuration spoils a promise; change nothing there."""
        yield from ()

    def wrong(self, name: str, problem: str) -> ImproperlyConfigured:
        """Return the error for what is wrong with one of the OPTIONS, the location or the hosts."""
        key = _BESIDE_OPTIONS.get(name, f"['OPTIONS'][{name!r}]")
        return ImproperlyConfigured(f"DUMPER_BACKENDS[{self.alias!r}]{key} {problem}.")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes, each of which is purged for itself."""
        return self.location or (self.alias,)

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Purge ``batch`` on one node; raise Transient or Rejected when it was not carried out."""
        raise NotImplementedError

    def settle(self, batch: PurgeBatch, node: str) -> bool:
        """Wait for what was in flight during :meth:`send`; False where there is no such way."""
        return False
