"""The moments at which a process is killed or stopped, by itself: from outside they are missed.

A request meets its fate right after its COMMIT; whoever finds the file ``<role>-<fate>`` in the
stage's folder meets it between two requests of one purge.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["in_mid_send", "meeting", "watch_commits"]

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_request = threading.local()


@contextmanager
def meeting(fate: str | None) -> Iterator[None]:
    """Let this thread's next COMMIT be followed by ``fate``, if it is within the block."""
    _request.fate = fate
    try:
        yield
    finally:
        _request.fate = None


def watch_commits() -> None:
    """Look for a fate after every COMMIT, before anything that Django does on commit."""
    commit = BaseDatabaseWrapper._commit

    def committed(self: BaseDatabaseWrapper) -> None:
        commit(self)
        fate, _request.fate = getattr(_request, "fate", None), None
        if fate:
            os.kill(os.getpid(), _SIGNALS[fate])

    BaseDatabaseWrapper._commit = committed


def in_mid_send() -> None:
    """Meet the fate that waits for this process, if one does."""
    for fate, number in _SIGNALS.items():
        try:
            Path(settings.STAGE["folder"], f"{settings.ROLE}-{fate}").unlink()
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), number)
