"""The fastest client that one socket allows: many requests in one write, answers only counted."""

import re
import selectors
import socket
from collections.abc import Sequence

__all__ = ["Pipe", "request"]

_ANSWERED = b"HTTP/1.1 200"
_PAGE_END = b"</html>"
_RENDERING = re.compile(rb"Rendering (\d+) of")
_PAGES_AT_ONCE = 500
_TIMEOUT = 30.0


def request(method: str, path: str, host: str, **headers: str) -> bytes:
    """Return one request without a body; ``_`` in a header's name stands for ``-``."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class Pipe:
    """A connection to a port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def send(self, requests: bytes, count: int, mark: bytes = _ANSWERED) -> bytes:
        """Send all, read meanwhile; return what came until ``mark`` was seen ``count`` times."""
        unsent, received, seen = memoryview(requests), bytearray(), 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while seen < count:
                events = selector.select(_TIMEOUT)
                if not events:
                    raise AssertionError(f"{seen} of {count} answers: {received[-300:]!r}")
                if events[0][1] & selectors.EVENT_WRITE:
                    unsent = unsent[self._socket.send(unsent) :]
                    if not unsent:
                        selector.modify(self._socket, selectors.EVENT_READ)
                if events[0][1] & selectors.EVENT_READ:
                    start = max(0, len(received) - len(mark) + 1)
                    received += self._receive()
                    seen += received.count(mark, start)
        return bytes(received)

    def _receive(self) -> bytes:
        data = self._socket.recv(262_144)
        if not data:
            raise AssertionError("Varnish closed the connection.")
        return data

    def renderings(self, paths: Sequence[str], host: str) -> list[int]:
        """Request every page; return the number of the rendering that each answer shows."""
        found: list[int] = []
        for start in range(0, len(paths), _PAGES_AT_ONCE):
            some = paths[start : start + _PAGES_AT_ONCE]
            gets = b"".join(request("GET", path, host) for path in some)
            found += map(int, _RENDERING.findall(self.send(gets, len(some), _PAGE_END)))
        if len(found) != len(paths):
            raise AssertionError(f"{len(found)} pages of {len(paths)}")
        return found
