"""The parlour's threaded WSGI server, on a socket that was bound for it."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

__all__ = ["inherited", "running"]

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Handler(WSGIRequestHandler):
    """Answer at once: head and body are written apart, and the kernel would hold the body back."""

    disable_nagle_algorithm = True


def inherited() -> socket.socket:
    """Return the socket that ``DEMO_LISTENER`` names by its number."""
    return socket.socket(fileno=int(os.environ["DEMO_LISTENER"]))


@contextmanager
def running(listener: socket.socket) -> Iterator[None]:
    """Serve the parlour, in threads, until the block ends."""
    server = _server(listener)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _server(listener: socket.socket) -> ThreadedWSGIServer:
    host, port = listener.getsockname()
    server = ThreadedWSGIServer((host, port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = host, port
    server.setup_environ()
    server.server_activate()
    server.set_app(_telling(get_wsgi_application()))
    return server


def _telling(application: Application) -> Application:
    """Repeat the page cache's answer in Server-Timing, where a page's own script can read it."""

    def tell(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            hit = "; hit" in dict(headers).get("Cache-Status", "")
            timing = 'cache;desc="page cache hit"' if hit else 'cache;desc="miss"'
            return start_response(status, [*headers, ("Server-Timing", timing)], *error)

        return application(environ, start)

    return tell
