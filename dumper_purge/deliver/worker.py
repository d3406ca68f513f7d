"""A process that takes up what is due in the outboxes, for as long as it is let.

Several may run at once, on one machine or on many: each takes what no other has.
"""

import logging
import os
import selectors
import signal
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from django.db import Error, close_old_connections, connections

from dumper_purge.conf import current
from dumper_purge.deliver import carrying, sweep
from dumper_purge.deliver.carrying import background, sweeper
from dumper_purge.deliver.outbox import claims, outboxes
from dumper_purge.deliver.outbox.engines import CHANNEL
from dumper_purge.deliver.outbox.receipt import Receipt
from dumper_purge.deliver.upkeep.sweeper import AT_ONCE, LEASE

__all__ = ["Worker", "run_once"]

logger = logging.getLogger("dumper.deliver")

_MOST_IN_HAND = 10 * AT_ONCE
_SHORTEST, _LONGEST = 0.05, 5.0
_LONGEST_UNWOKEN = 2.0
_MARGIN = 3.0
"""Seconds beyond ``DUMPER_EXIT_TIMEOUT`` after which a worker is ended that does not end."""


def run_once() -> int:
    """Deliver all that is due, and what is due by then; return how many entries it was."""
    count = 0
    while taken := sweep.sweep():
        count += taken
    return count


class Worker:
    """Runs until :meth:`stop`, SIGTERM or SIGINT; then it ends what it has begun."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._stopped = False
        self._in_hand: list[Receipt] = []
        self._pause = _SHORTEST
        self._listeners: dict[str, Any] = {}
        self._deadline: threading.Timer | None = None

    def stop(self) -> None:
        """Let :meth:`run` return soon; may be called from a signal handler or another thread."""
        self._stopped = True
        self._writer.send(b"\0")
        if self._deadline is None:
            self._deadline = threading.Timer(current().exit_timeout + _MARGIN, _give_up)
            self._deadline.daemon = True
            self._deadline.start()

    def run(self) -> None:
        """Take up what is due until it is stopped."""
        logger.info("A worker has begun, on %s.", ", ".join(outboxes.all_outboxes()) or "nothing")
        with _signals(self):
            while not self._stopped:
                if self._is_woken_within(self._turn()):
                    self._listen_up()
        left = background.finish(current().exit_timeout)
        logger.info("The worker has ended%s.", f" with {len(left)} purges begun" if left else "")
        carrying.forget()
        self._close_listeners()
        if self._deadline is not None:
            self._deadline.cancel()

    def _turn(self) -> float:
        """Take up what is due; return the seconds until there may be more."""
        close_old_connections()
        self._in_hand = [receipt for receipt in self._in_hand if not receipt.closed.is_set()]
        if sum(len(receipt.entries) for receipt in self._in_hand) > _MOST_IN_HAND:
            return _SHORTEST
        try:
            self._listen()
            taken = sweeper.sweep()
            self._in_hand += taken
            return self._until_next(was_busy=bool(taken))
        except Error as error:
            return self._without_database(error)

    def _until_next(self, *, was_busy: bool) -> float:
        aliases = outboxes.known_outboxes()
        dues = [due for using in aliases if (due := claims.next_due(using)) is not None]
        if was_busy:
            self._pause = _SHORTEST
            return max(min([_SHORTEST, *dues]), 0.0)
        self._pause = min(self._pause * 2, _LONGEST_UNWOKEN)
        is_woken = set(aliases) <= set(self._listeners)
        wait = min([_LONGEST if is_woken else self._pause, *dues])
        # What is due and was not taken is in other hands, or cannot be taken now.
        return wait if wait > 0 else self._pause

    def _without_database(self, error: Error) -> float:
        logger.warning("The worker cannot reach the outbox: %s", error)
        self._close_listeners()
        connections.close_all()
        self._pause = min(self._pause * 2, _LONGEST)
        return self._pause

    def _is_woken_within(self, seconds: float) -> bool:
        """Sleep, until it is stopped or PostgreSQL notifies of something new."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            for listener in self._listeners.values():
                selector.register(listener.connection.fileno(), selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _listen_up(self) -> None:
        """Take in what woke it; a listener whose database has gone is made anew."""
        with suppress(BlockingIOError):
            self._reader.recv(4096)
        try:
            for listener in self._listeners.values():
                with listener.cursor() as cursor:
                    cursor.execute("SELECT 1")
        except Error as error:
            self._without_database(error)

    def _listen(self) -> None:
        """Have a connection of its own for each database that can notify."""
        for using in outboxes.all_outboxes():
            if connections[using].vendor == "postgresql" and using not in self._listeners:
                listener = connections.create_connection(using)
                with listener.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
                _keep_no_notifications(listener.connection)
                self._listeners[using] = listener

    def _close_listeners(self) -> None:
        while self._listeners:
            self._listeners.popitem()[1].close()


def _keep_no_notifications(raw: Any) -> None:
    """Let the driver drop what it is notified of; that it was is all there is to know."""
    if hasattr(raw, "add_notify_handler"):
        raw.add_notify_handler(lambda notification: None)
    else:
        raw.notifies = deque(maxlen=0)  # As psycopg2 wants it.


def _give_up() -> None:
    logger.error(
        "The worker is ended: a database or a node does not answer. What it had in hand comes up"
        " again in %.0f seconds.",
        LEASE,
    )
    os._exit(1)


@contextmanager
def _signals(worker: Worker) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
