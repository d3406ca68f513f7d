"""Ports of 127.0.0.1: finding a free one, and waiting until somebody listens."""

import random
import socket
import time
from contextlib import suppress

__all__ = ["free_port", "wait_for_port"]

_WAIT = 15.0
# Below those that the kernel gives away itself: nobody gets one by chance before it is used.
_CANDIDATES = range(20_000, 32_000)


def free_port() -> int:
    """Return a port that nobody listens on."""
    while True:
        port = random.choice(_CANDIDATES)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_for_port(port: int) -> None:
    """Return when somebody listens; raise OSError if nobody does in time."""
    deadline = time.monotonic() + _WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
