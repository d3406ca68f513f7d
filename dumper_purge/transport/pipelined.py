"""Requests pipelined to one node, over one connection or as few as it allows.

Every request that is pipelined must be idempotent: what a connection left unanswered is sent
again on the next one.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Sequence

from dumper_purge.exceptions import Transient
from dumper_purge.transport.answers import Answer, AnswerReader, Garbled
from dumper_purge.transport.node import Node
from dumper_purge.transport.request import Request

__all__ = ["Answer", "Node", "Request", "pipeline"]

_RECEIVE = 262_144
_REQUESTS_PER_WRITE = 500
_SECONDS_PER_REQUEST = 0.02
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


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
