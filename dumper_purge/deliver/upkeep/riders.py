"""Entries that were carried out, whose DELETE rides along with a later INSERT.

A transaction more after each save would cost as much as the save. So the ids wait, until an entry
that the same connection writes takes them along in its own transaction; and they wait on until
that is known to be committed. What nothing takes along is deleted when the request ends, or else
by the clerk, long before the lease ends. An id that is lost with its process costs a purge more.

No transaction of the site's waits or fails for such a row: while it is young nobody else takes it
up, and its own connection has committed it before.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial

from django.db import Error, connections

from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.databases import bears_others
from dumper_purge.deliver.background.background import Background
from dumper_purge.deliver.budget import in_request
from dumper_purge.deliver.outbox import outboxes, rows, table
from dumper_purge.deliver.outbox.engines import INLINE
from dumper_purge.deliver.upkeep.waiting import Key, Waiting

__all__ = ["Riders"]

logger = logging.getLogger("dumper.deliver")

_TOGETHER = 10
"""So many ride at once: one DELETE for each would cost half as much as the INSERT."""
_MOST = 10 * _TOGETHER
_YOUNG = 2.0
"""Seconds from its INSERT within which a row may begin to wait; its lease is 4 or more."""
_QUIET = 0.5
"""What has waited so long is deleted by the clerk, who looks as often."""
_LATE = 1.5
"""Seconds after which the clerk is late, and nobody's transaction may depend on such a row."""


class Riders:
    """``background`` has the clerk who deletes what nothing takes along."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self.forget()

    def forget(self) -> None:
        """Drop all: after a fork it belongs to the parent."""
        self._waiting = Waiting()
        self._deletable: set[str] = set()
        self._lock = threading.Lock()
        self._is_planned = False

    def deletable(self, refs: Iterable[EntryRef]) -> None:
        """Note that rows could be deleted: where that is not allowed no save may depend on it."""
        self._deletable.update(ref.using for ref in refs)

    def keep(self, refs: Sequence[EntryRef], thread: int) -> bool:
        """Let rows wait that a thread has written; False if they are to be deleted now."""
        if current().engine != INLINE or not self._background.writes_later:
            return False
        if not all(self._may_ride(ref) for ref in refs):
            return False
        has_clerk = all(bears_others(ref.using) for ref in refs)
        if not (has_clerk or self._is_followed(refs, thread)):
            return False
        is_kept = self._waiting.add(refs, thread, most=_MOST)
        if is_kept and has_clerk:
            self._plan()
        return is_kept

    def along(self, using: str) -> Sequence[str]:
        """Return the ids that the next INSERT of this thread is to delete as well."""
        ids = self._waiting.of((using, threading.get_ident()), longest=_LATE)
        return ids if len(ids) >= _TOGETHER else ()

    def board(self, ref: EntryRef, ids: Sequence[str]) -> None:
        """Note which ids the INSERT of an entry has taken along."""
        self._waiting.board((ref.using, threading.get_ident()), ref.id, ids)

    def arrive(self, refs: Iterable[EntryRef]) -> None:
        """Forget what these entries took along: they are delivered, so they are committed."""
        thread = threading.get_ident()
        for ref in refs:
            self._waiting.arrive((ref.using, thread), ref.id)

    def flush(self) -> None:
        """Delete in this thread whatever waits; what fails comes up again."""
        self._delete_all([key for key in self._waiting.filled() if not _is_in_atomic(key)])

    def end_request(self) -> None:
        """Delete what this thread has written, where it has a connection or the clerk must not."""
        thread = threading.get_ident()
        own = [key for key in self._waiting.filled() if key[1] == thread and not _is_in_atomic(key)]
        for key in own:
            connection = connections[key[0]]
            if connection.connection is not None or not bears_others(key[0]):
                self._delete_all([key])
                connection.close_if_unusable_or_obsolete()

    def _may_ride(self, ref: EntryRef) -> bool:
        return ref.using in self._deletable and outboxes.lets_ride(ref.using) and _is_young(ref.id)

    def _is_followed(self, refs: Sequence[EntryRef], thread: int) -> bool:
        """Tell whether the thread itself will see to rows: when its request ends, or in a series.

        Nobody can tell which save is the last of a series: outside of a request, what that leaves
        goes with the next save or the process, and comes up once more if a lease ends before.
        """
        if thread != threading.get_ident():
            return False
        if in_request():
            return True
        keys = [(ref.using, thread) for ref in refs]
        soon_after = [self._waiting.touch(key, _QUIET) for key in keys]
        if not all(soon_after):
            self._delete_all(dict.fromkeys(keys))
        return all(soon_after)

    def _plan(self) -> None:
        with self._lock:
            is_planned, self._is_planned = self._is_planned, True
        if not is_planned:
            self._background.later(_QUIET, self._look, optional=True)

    def _look(self) -> None:
        """Have the clerk delete what nothing takes along, and look again while there is more."""
        keys = [key for key in self._waiting.filled() if bears_others(key[0])]
        for using, ids in self._waiting.take(keys, shortest=_QUIET).items():
            self._background.clerk(using).submit(partial(self._delete, using, ids))
        with self._lock:
            self._is_planned = False
        if any(bears_others(using) for using, _ in self._waiting.filled()):
            self._plan()

    def _delete_all(self, keys: Iterable[Key]) -> None:
        for using, ids in self._waiting.take(keys).items():
            self._delete(using, ids)

    def _delete(self, using: str, ids: Sequence[str]) -> None:
        try:
            table.delete(using, ids)
        except Error as error:
            message = "%d entries that were carried out could not be deleted and come up again: %s"
            logger.warning(message, len(ids), error)


def _is_young(id: str) -> bool:
    return 0 <= time.time() - rows.written_at(id) < _YOUNG


def _is_in_atomic(key: Key) -> bool:
    return connections[key[0]].in_atomic_block
