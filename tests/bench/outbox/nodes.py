"""A cache node that answers like our VCL and notes when it was told to purge what."""

import re
import socket
import time
from contextlib import suppress
from threading import Lock, Thread
from types import TracebackType

__all__ = ["Node"]

_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n")
_PURGED = b"HTTP/1.1 200 Purged\r\nContent-Length: 0\r\n\r\n"
_BANNED = b"HTTP/1.1 200 Banned\r\nContent-Length: 0\r\n\r\n"
_EVERY_PATH = b"Dumper-Ban-Path: ^/\r\n"
_WAITS = b"Dumper-Purge: "


class Node:
    """Has a port of 127.0.0.1, which refuses until it is told to listen or to hang.

    ``purged`` has the moment of each path's first purge, ``emptied`` that of everything's; both
    are on the monotonic clock.
    """

    def __init__(self) -> None:
        self.purged: dict[str, float] = {}
        self.emptied: float | None = None
        self._lock = Lock()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))

    def __enter__(self) -> "Node":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A thread that is in accept() would keep the port; shutdown() wakes it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        """What stands in LOCATION."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def listen(self) -> "Node":
        """Answer from now on."""
        self._listener.listen(512)
        Thread(target=self._accept, daemon=True).start()
        return self

    def hang(self) -> "Node":
        """Let one or two connect, who get no answer, and drop the packets of all others."""
        self._listener.listen(0)
        return self

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        with connection:
            while data := connection.recv(65_536):
                received += data
                end, answers = 0, []
                while match := _REQUEST.match(received, end):
                    end = match.end()
                    answers.append(self._answer(*match.groups()))
                received = received[end:]
                connection.sendall(b"".join(answers))

    def _answer(self, method: bytes, target: bytes, fields: bytes) -> bytes:
        now = time.monotonic()
        if method == b"BAN":
            if _EVERY_PATH in fields and self.emptied is None:
                self.emptied = now
            return _BANNED
        if _WAITS not in fields:
            with self._lock:
                self.purged.setdefault(target.decode(), now)
        return _PURGED
