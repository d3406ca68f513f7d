"""All moments at which a process can die: before and after each step that leaves a trace."""

import os
import signal
import socket
import threading
import time

from django.core.cache.backends.filebased import FileBasedCache
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

__all__ = ["Boundaries"]

WRITES = ("INSERT", "UPDATE", "DELETE")


class Boundaries:
    """Reports each boundary, and dies at the one with the number ``kill_at`` (None: at none).

    ``tell`` takes what is reported, as a dict. Threads pass their boundaries one at a time.
    """

    def __init__(self, tell, kill_at):
        self._tell = tell
        self._kill_at = kill_at
        self._count = 0
        self._lock = threading.Lock()

    def install(self):
        """Watch statements, transactions, sockets, and the cache."""
        connection_created.connect(self._watch, weak=False)
        for name in ("_commit", "_rollback"):
            self._around(BaseDatabaseWrapper, name, commits=name == "_commit")
        self._around(BaseDatabaseWrapper, "set_autocommit")
        for name in ("send", "recv", "connect"):
            self._around(socket.socket, name)
        for name in ("set", "add", "delete"):
            self._around(FileBasedCache, name)

    def _watch(self, connection, **kwargs):
        def execute(run, sql, params, many, context):
            name = " ".join(sql.split()[:3])
            self._pass(f"before {name}")
            result = run(sql, params, many, context)
            commits = connection.get_autocommit() and sql.startswith(WRITES)
            self._pass(f"after {name}", commits=commits and not connection.in_atomic_block)
            return result

        connection.execute_wrappers.append(execute)

    def _around(self, place, name, *, commits=False):
        inner = getattr(place, name)

        def watched(instance, *args, **kwargs):
            self._pass(f"before {name}")
            result = inner(instance, *args, **kwargs)
            self._pass(f"after {name}", commits=commits)
            return result

        setattr(place, name, watched)

    def _pass(self, label, *, commits=False):
        own = commits and threading.current_thread() is threading.main_thread()
        with self._lock:
            self._tell({"label": label, "commits": own, "at": time.monotonic()})
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._count += 1
