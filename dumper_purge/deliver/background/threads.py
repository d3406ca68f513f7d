"""Threads, where they can run: not under uWSGI without ``enable-threads``, nor at shutdown."""

import logging
import sys
import threading
from collections.abc import Callable

from django.db import connections

__all__ = ["Threads", "threads_run"]

logger = logging.getLogger("dumper.deliver")

_OFF = frozenset({"none", "false", "off", "no", "0", ""})


def threads_run() -> bool:
    """Tell whether threads run here; uWSGI stops them unless it is told otherwise."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is None:
        return True
    options = (uwsgi.opt.get(name) for name in ("threads", "enable-threads"))
    texts = (value.decode() if isinstance(value, bytes) else str(value) for value in options)
    return any(text.lower() not in _OFF for text in texts)


class Threads:
    """Starts daemon threads, which close their database connections when they end."""

    def __init__(self) -> None:
        self.available = threads_run()
        """Whether the last thread could be started."""
        self.quiet = False
        """Whether it was said that threads cannot run, or need not be said."""

    def start(self, target: Callable[[], None]) -> bool:
        """Run ``target`` in a thread; False if the caller has to do it."""
        reason = "uWSGI runs without enable-threads"
        self.available = threads_run()
        if self.available:
            try:
                threading.Thread(target=_run, args=[target], name="dumper", daemon=True).start()
            except RuntimeError as error:
                self.available, reason = False, str(error)
        if not self.available and not self.quiet:
            self.quiet = True
            logger.warning("Purges are sent inline, as no thread can run here: %s.", reason)
        return self.available


def _run(target: Callable[[], None]) -> None:
    try:
        target()
    finally:
        connections.close_all()
