"""Connections on which a whole answer, its headers too, has to come within the read timeout.

``requests`` bounds each piece of an answer; one that comes in drops could take for ever.
"""

import http.client
import io
import socket
import time
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["TimelyAdapter"]


class _Clocked(io.RawIOBase):
    """What a socket receives, until its timeout has passed since the wait for an answer began."""

    def __init__(self, sock: socket.socket, received: io.RawIOBase) -> None:
        self._socket = sock
        self._received = received
        self._timeout = sock.gettimeout()
        self._until = time.monotonic() + (self._timeout or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._timeout is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer does not end")
            self._socket.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Clocked(sock, self.fp.detach()))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class TimelyAdapter(HTTPAdapter):
    """Keep connections, straight or by a proxy, on which answers have to be in time."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools be ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Let those of a proxy be ours, too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
