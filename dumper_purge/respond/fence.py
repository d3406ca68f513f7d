"""The fence: no page that was rendered from old data is stored.

Every tag has a *generation*, a random token under a key of its own in the shared cache, and so has
``any``. A purge, after its COMMIT and never before, changes ``any`` first and then the generation
of each tag (:func:`record`). A token that is gone is one that nobody knows, never "not purged".

A page is stored together with the tokens of its tags, and served only while every one of them is
still the same. It is right to store it if each token was current at a moment *before* the page's
data were read: data that change later are purged later still, which changes the token.

- Tokens that are read before the view (:class:`Ticket`) are of that kind by themselves.
- A tag that became known during the view is *late*: its token is read after the data. If it was
  purged in between, ``any`` was changed before that token was, and ``any`` is read after the late
  tokens: it differs from the ``any`` of the beginning, and the page is not stored. If ``any`` is
  the same, nothing at all was purged between, and the late token was already current then.
- A tag whose token is missing at the beginning is late too. Nothing but ``any`` is added before the
  view: whoever asks for paths that have no page leaves nothing behind.
- A missing token is added as a fresh random one. Values never repeat, so whichever of several
  concurrent writes survives (where ``add`` is not atomic, too), no other reader's token comes back.
- No clock is asked. The times in tokens only shorten what edges may keep (quarantine).

It rests on reads from the primary (``shared_cache.py``), in order and outside transactions; on
clients that do not send a write again after they have given it up; and on keys that may vanish but
never return to an earlier value.

What is sent to an edge is checked once more right before it is sent (:meth:`Ticket.recheck`).
"""

import itertools
import logging
import threading
import time
from collections.abc import Iterable, Mapping

from dumper_purge.batch import PurgeBatch, check_tag, purged_tags
from dumper_purge.exceptions import Transient, described
from dumper_purge.paths import EVERYTHING
from dumper_purge.respond import tokens
from dumper_purge.respond.generations import ANY, Generations
from dumper_purge.respond.layers import current_layers

__all__ = ["Purged", "Ticket", "distrust", "generation", "record", "trusted"]

logger = logging.getLogger("dumper.respond")

_MOST_UNRECORDED = 10_000
_RETRY_AFTER = 5.0


class Purged(Exception):
    """Something that the response depends on was purged since its request began."""


class Ticket:
    """What a request knew about generations before its view ran, and when that was."""

    __slots__ = ("_any", "_generations", "_known", "_missing", "began")

    def __init__(
        self,
        generations: Generations,
        known: Mapping[str, str],
        any_token: str | None,
        missing: Iterable[str] = (),
    ) -> None:
        self._generations = generations
        self._known = dict(known)
        self._any = any_token
        self._missing = frozenset(missing)
        self.began = time.time()

    def tokens(self, tags: Iterable[str]) -> dict[str, str]:
        """Return the tokens under which a page with these tags may be stored.

        Raises :class:`Purged`, and what the cache raises.
        """
        tags = list(tags)
        late = [tag for tag in tags if tag not in self._known]
        if late:
            self._known |= self._read(late)
            if self._any is None or self._generations.peek([ANY]).get(ANY) != self._any:
                raise Purged("something was purged during the request")
        try:
            return {tag: self._known[tag] for tag in tags}
        except KeyError as error:
            raise Purged(f"the generation of {error.args[0]} was lost") from error

    def _read(self, late: Iterable[str]) -> dict[str, str]:
        """Return tokens; those that were missing are added without another look."""
        new = [tag for tag in late if tag in self._missing]
        others = [tag for tag in late if tag not in self._missing]
        found = self._generations.read(others) if others else {}
        return found | self._generations.add(new, self._any)

    def recheck(self, held: Mapping[str, str]) -> None:
        """Raise :class:`Purged` if a token is no longer the same."""
        if self._generations.peek(list(held)) != held:
            raise Purged("it was purged during the request")


_unrecorded: dict[str, int] = {}
_serial = itertools.count(1)
_retry_at = 0.0
_lock = threading.Lock()


def record(batch: PurgeBatch) -> None:
    """Record in the shared cache, after COMMIT, that a batch's tags were purged.

    Raises :class:`~dumper_purge.exceptions.Transient` if the cache did not take it. Until a later
    call succeeds, which then records the tags of all failed ones too, this process neither stores
    nor serves stored pages.
    """
    tags = purged_tags(batch)
    if tags:
        _record(tags)


def _record(tags: frozenset[str]) -> None:
    owed = {}
    if _unrecorded:
        with _lock:
            owed = dict(_unrecorded)
    try:
        current_layers().generations.bump(tags.union(owed))
    except Exception as error:
        _owe(tags)
        if isinstance(error, Transient):
            raise
        raise Transient(f"The generations could not be recorded: {described(error)}.") from error
    if not owed:
        return
    with _lock:
        for tag, serial in owed.items():
            # Owed anew while this ran: that purge may be the later one.
            if _unrecorded.get(tag) == serial:
                del _unrecorded[tag]


def _owe(tags: Iterable[str]) -> None:
    global _retry_at
    with _lock:
        _unrecorded.update((tag, next(_serial)) for tag in tags)
        if len(_unrecorded) > _MOST_UNRECORDED:
            _unrecorded.clear()
            _unrecorded[EVERYTHING] = next(_serial)
        _retry_at = time.monotonic() + _RETRY_AFTER


def distrust(batch: PurgeBatch | None = None) -> None:
    """Note that a batch (None: one that nobody can name) could not be recorded."""
    _owe({EVERYTHING} if batch is None else purged_tags(batch))


def trusted() -> bool:
    """Tell whether every purge of this process is recorded; now and then try again to record."""
    return not _unrecorded or _caught_up()


def _caught_up() -> bool:
    global _retry_at
    with _lock:
        if time.monotonic() < _retry_at:
            return False
        _retry_at = time.monotonic() + _RETRY_AFTER
    try:
        _record(frozenset())
    except Transient as error:
        logger.warning("%d purged tags are still not recorded: %s", len(_unrecorded), error)
    return not _unrecorded


def generation(tag: str) -> str:
    """Return a token that changes whenever ``tag`` is purged, for keys of your own cache entries.

    Read it before the data. It also changes with ``DUMPER_VERSION``. While the shared cache cannot
    be asked every call returns another token, so that nothing old is found. Raises
    :class:`~dumper_purge.exceptions.InvalidDependent` for an unfit tag.
    """
    layers = current_layers()
    check_tag(tag)
    token = None
    if trusted() and layers.generations.are_shared:
        try:
            token = layers.generations.read([tag]).get(tag)
        except Exception as error:
            logger.warning("The generation of %s could not be read: %s", tag, described(error))
    return f"{layers.conf.version}.{token or tokens.fresh()}"
