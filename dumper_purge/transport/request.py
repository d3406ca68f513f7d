"""Requests without a body, as they go over the wire (RFC 9112)."""

from dataclasses import dataclass
from functools import lru_cache

from dumper_purge.transport.grammar import FIELD_VALUE, TOKEN, VISIBLE

__all__ = ["Request"]


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
