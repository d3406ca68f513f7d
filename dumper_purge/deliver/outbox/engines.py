"""Who delivers what was committed: this process, the worker, or a task queue of the site's."""

import logging
import time
from collections.abc import Sequence

from django.db import connections
from django.utils.module_loading import import_string

from dumper_purge.collect.outlet import EntryRef
from dumper_purge.conf import current
from dumper_purge.exceptions import described

__all__ = ["CHANNEL", "INLINE", "WORKER", "forget", "hand_over"]

logger = logging.getLogger("dumper.deliver")

INLINE = "inline"
WORKER = "worker"
CHANNEL = "dumper_purge"
"""What PostgreSQL notifies, and the worker listens to."""

_TRY_AGAIN = 10.0
_refused_until = 0.0


def forget() -> None:
    """Try an engine again that has failed."""
    global _refused_until
    _refused_until = 0.0


def hand_over(entries: Sequence[EntryRef]) -> bool:
    """Give committed entries to ``DUMPER_ENGINE``; False if they are to be delivered here.

    Never raises. What cannot be given away stays in the outbox until it is due; the engine is then
    left alone for ten seconds, so that not every save waits for a broker that is down.
    """
    global _refused_until
    engine = current().engine
    if engine == INLINE:
        return False
    if time.monotonic() >= _refused_until:
        try:
            _give(engine, entries)
        except (Exception, SystemExit) as error:  # It must not end the save.
            _refused_until = time.monotonic() + _TRY_AGAIN
            message = "DUMPER_ENGINE %r takes no entries now, they wait: %s"
            logger.warning(message, engine, described(error))
    return True


def _give(engine: str, entries: Sequence[EntryRef]) -> None:
    for using in dict.fromkeys(entry.using for entry in entries):
        if engine == WORKER:
            _notify(using)
        else:
            ids = [entry.id for entry in entries if entry.using == using]
            import_string(engine)(using, ids)


def _notify(using: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
