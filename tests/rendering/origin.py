"""A Django that says what reached it, and lets everything be stored."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["listening", "listening_on"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        names = ("Host", "Cookie", "Accept-Language")
        body = "\n".join([self.path, *(f"{name}: {self.headers.get(name)}" for name in names)])
        self.send_response(200)
        self.send_header("Surrogate-Control", "max-age=3600")
        self.send_header("Vary", "Accept-Language")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return ""


class _SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening() -> Iterator[int]:
    """Listen on a port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    with _running(server):
        yield server.server_port


@contextmanager
def listening_on(path: Path) -> Iterator[None]:
    """Listen on a Unix socket."""
    with _running(_SocketServer(str(path), _Handler)):
        yield
