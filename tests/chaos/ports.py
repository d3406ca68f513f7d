"""Ports of 127.0.0.1: finding a free one, and waiting until somebody listens."""

import socket
import time

__all__ = ["free_port", "wait_for_port"]

_WAIT = 15.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
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
