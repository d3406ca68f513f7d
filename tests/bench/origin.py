"""An origin whose every answer is new, tagged with its path tag and good for a year."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Thread

from dumper_purge.paths import path_tag

__all__ = ["origin"]

_REQUEST = re.compile(rb"GET (\S+) HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*\r\n")
_ANSWER = (
    "HTTP/1.1 200 OK\r\nSurrogate-Control: max-age=31536000\r\nxkey: {tag}\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)


@contextmanager
def origin() -> Iterator[int]:
    """Yield the port of 127.0.0.1 on which it listens."""
    renderings = count(1)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        Thread(target=_accept, args=(listener, renderings), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, renderings: Iterator[int]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Thread(target=_serve, args=(connection, renderings), daemon=True).start()


def _serve(connection: socket.socket, renderings: Iterator[int]) -> None:
    received = b""
    with connection:
        while data := connection.recv(65_536):
            received += data
            while match := _REQUEST.match(received):
                received = received[match.end() :]
                connection.sendall(_answer(match[1].decode(), next(renderings)))


def _answer(path: str, rendering: int) -> bytes:
    body = f"<html>Rendering {rendering} of {path}</html>"
    return _ANSWER.format(tag=path_tag(path), length=len(body), body=body).encode()
