"""One node of a cache: where it listens, and how it is reached."""

import socket
import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from dumper_purge.exceptions import Transient
from dumper_purge.transport.grammar import VISIBLE

__all__ = ["Node"]

_PORTS = {"http": 80, "https": 443}


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
