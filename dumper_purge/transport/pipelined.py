"""Requests pipelined to one node, over one connection or as few as it allows.

Every request that is pipelined must be idempotent: what a connection left unanswered is sent
again on the next one.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from dumper_purge.exceptions import Transient
from dumper_purge.transport.answers import Answer, AnswerReader, Garbled
from dumper_purge.transport.grammar import FIELD_VALUE, TOKEN, VISIBLE

__all__ = ["Answer", "Node", "Request", "pipeline"]

_RECEIVE = 262_144
_REQUESTS_PER_WRITE = 500
_SECONDS_PER_REQUEST = 0.02
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request without a body. Its headers stay out of its repr: one may hold a token."""

    method: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.host!r} {self.target!r}>"

    def encode(self) -> bytes:
        """Return what goes over the wire; raise ValueError for what could end a line early."""
        if not TOKEN.fullmatch(self.method) or not VISIBLE.fullmatch(self.target):
            raise ValueError(f"{self!r} cannot be sent: it has a space or no plain ASCII.")
        if not VISIBLE.fullmatch(self.host):
            raise ValueError(f"{self!r} cannot be sent: its host is no plain ASCII.")
        start = f"{self.method} {self.target} HTTP/1.1\r\nHost: {self.host}\r\n".encode()
        return start + _encoded_headers(self.headers)


@lru_cache(maxsize=64)
def _encoded_headers(headers: tuple[tuple[str, str], ...]) -> bytes:
    for name, value in headers:
        if not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            raise ValueError(f"The header {name!r} cannot be sent: it is no plain ASCII line.")
    return "".join([*(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """Where one cache node listens."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, location: str) -> "Node":
        """Read "http://host:port"; raise ValueError, which never repeats credentials."""
        parts = urlsplit(location)
        if "@" in parts.netloc:
            raise ValueError("must not carry credentials")
        if parts.scheme not in _PORTS or not parts.hostname or not VISIBLE.fullmatch(location):
            raise ValueError("must be like 'http://127.0.0.1:6081'")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("must end after the port: no path, no query")
        return cls(
            scheme=parts.scheme, host=parts.hostname, port=parts.port or _PORTS[parts.scheme]
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def connect(self, timeout: float) -> socket.socket:
        """Return a non-blocking connection; raise Transient."""
        try:
            connection = socket.create_connection((self.host, self.port), timeout)
        except OSError as error:
            raise Transient(f"{self} cannot be reached: {error}.") from error
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.scheme == "https":
                connection = _tls().wrap_socket(connection, server_hostname=self.host)
            connection.setblocking(False)
        except OSError as error:
            connection.close()
            raise Transient(f"{self} cannot be reached: {error}.") from error
        return connection


def pipeline(
    node: Node, requests: Sequence[Request], *, connect_timeout: float, read_timeout: float
) -> list[Answer]:
    """Send requests without waiting in between; return their answers in the same order.

    ``read_timeout`` is the longest wait for the next answer, in seconds; the whole takes at most
    20 ms per request more. Raises Transient unless every request was answered.
    """
    limit = time.monotonic() + connect_timeout + read_timeout
    limit += _SECONDS_PER_REQUEST * len(requests)
    answers: list[Answer] = []
    while len(answers) < len(requests):
        left = requests[len(answers) :] if answers else requests
        with node.connect(connect_timeout) as connection:
            exchange = _Exchange(connection, left, read_timeout, limit)
            try:
                exchange.run()
            except (Garbled, TimeoutError) as error:
                progress = f"{len(answers) + len(exchange.answers)} of {len(requests)} answered"
                raise Transient(f"{node} {error} ({progress}).") from error
        if not exchange.answers:
            raise Transient(f"{node} closed the connection before it had answered.")
        answers += exchange.answers
    return answers


class _Exchange:
    """One connection: writes while it reads, so that neither side waits for the other."""

    def __init__(
        self,
        connection: socket.socket,
        requests: Sequence[Request],
        read_timeout: float,
        limit: float,
    ) -> None:
        self.answers: list[Answer] = []
        self._connection = connection
        self._requests = requests
        self._read_timeout = read_timeout
        self._limit = limit
        self._reader = AnswerReader()
        self._encoded = 0
        self._unsent = memoryview(b"")
        self._open = True

    def run(self) -> None:
        """Exchange until all is answered or the connection ends; raise Garbled or TimeoutError."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
            writing = True
            answered = time.monotonic()
            before = 0
            while self._open and len(self.answers) < len(self._requests):
                now = time.monotonic()
                if len(self.answers) > before:
                    before, answered = len(self.answers), now
                until = min(answered + self._read_timeout, self._limit)
                events = selector.select(max(until - now, 0))
                if not events or now >= until:
                    raise TimeoutError(f"did not answer within {self._read_timeout:g} s")
                if events[0][1] & selectors.EVENT_WRITE:
                    self._write()
                if events[0][1] & selectors.EVENT_READ:
                    self._read()
                if writing and self._all_written():
                    writing = False
                    selector.modify(self._connection, selectors.EVENT_READ)

    def _all_written(self) -> bool:
        return not self._unsent and self._encoded >= len(self._requests)

    def _write(self) -> None:
        if not self._unsent:
            batch = self._requests[self._encoded : self._encoded + _REQUESTS_PER_WRITE]
            self._encoded += len(batch)
            self._unsent = memoryview(b"".join([request.encode() for request in batch]))
        try:
            sent = self._connection.send(self._unsent)
        except _WOULD_BLOCK:
            return
        except OSError:  # What it answered before it closed is still to be read.
            self._encoded, sent = len(self._requests), len(self._unsent)
        self._unsent = self._unsent[sent:]

    def _read(self) -> None:
        # All that TLS has decrypted, which the selector does not see; but data may come for ever.
        while self._open and time.monotonic() < self._limit:
            try:
                data = self._connection.recv(_RECEIVE)
            except _WOULD_BLOCK:
                return
            except OSError:
                data = b""
            self._reader.feed(data)
            self._take(closed=not data)

    def _take(self, closed: bool) -> None:
        try:
            while answer := self._reader.take(closed=closed):
                self.answers.append(answer)
                if len(self.answers) > self._encoded:
                    raise Garbled("more than was asked")
                if len(self.answers) == len(self._requests) or self._reader.last:
                    self._open = False
                    return
        except Garbled as error:
            raise Garbled(f"answered {error}") from error
        if closed:
            self._open = False
