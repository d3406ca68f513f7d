"""Threads that run one at a time and stop before every touch of the cache or the database."""

import threading
from contextvars import Context

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

__all__ = ["Actor", "SteppedCache", "pause"]

_here = threading.local()


class Actor:
    """A function that runs in a thread of its own, from one pause to the next."""

    def __init__(self, function, *, skew=0.0):
        self.is_done = False
        self._function = function
        self._skew = skew
        self._error = None
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        _here.actor = self
        _here.skew = self._skew
        self._go.acquire()
        try:
            Context().run(self._function)
        except BaseException as error:
            self._error = error
        self.is_done = True
        self._stopped.release()

    def pause(self):
        self._stopped.release()
        self._go.acquire()

    def step(self):
        """Run up to the next pause."""
        self._go.release()
        self._stopped.acquire()
        if self.is_done:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def finish(self):
        """Run to the end."""
        while not self.is_done:
            self.step()


def pause():
    """Let others run, if this is an actor's thread."""
    actor = getattr(_here, "actor", None)
    if actor is not None:
        actor.pause()


def skew():
    """Return by how many seconds the clock of this thread is wrong."""
    return getattr(_here, "skew", 0.0)


class SteppedCache(BaseCache):
    """A shared cache that does one thing at a time, and whose ``add`` is not atomic."""

    values = {}

    def __init__(self, location, params):
        super().__init__(params)

    def get(self, key, default=None, version=None):
        pause()
        return self.values.get(key, default)

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        pause()
        self.values[key] = value

    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        pause()
        if key in self.values:
            return False
        pause()
        self.values[key] = value
        return True

    def delete(self, key, version=None):
        return self.values.pop(key, None) is not None
