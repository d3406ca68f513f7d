"""Requests and pages as they are made up, and the sockets that carry them as they are."""

import re
import socket
from dataclasses import dataclass

__all__ = ["Made", "Page", "answered", "sent"]

FRAMING = frozenset({"Transfer-Encoding", "Transfer-encoding", "Content-Length"})
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the origin says about a page, and whether one visitor's answer may be another's."""

    headers: tuple[tuple[str, str], ...]
    personal: bool


@dataclass(frozen=True, kw_only=True)
class Made:
    """A request that is made up; ``{path}`` in its target is the path of the page."""

    method: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def may_be_cut_short(self) -> bool:
        """Whether it announces a body, which may then be another: a 503 is its own fault."""
        return any(name.strip() in FRAMING for name, _ in self.headers)

    def text(self, path: str) -> bytes:
        """Return it as it is sent."""
        lines = [f"{self.method} {self.target.replace('{path}', path)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in [("Host", self.host), *self.headers]]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + self.body


def sent(port: int, request: bytes, timeout: float = 5) -> bytes:
    """Return all that comes back, until the proxy closes the connection."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as line:
        try:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            while data := line.recv(65_536):
                received += data
        except ConnectionError:
            pass
    return bytes(received)


def answered(received: bytes) -> list[int]:
    """Return the statuses in what came back."""
    return [int(status) for status in _STATUS.findall(received)]
