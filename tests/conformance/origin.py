"""An origin that answers as each case says, and remembers what it was asked."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

__all__ = ["Answer", "Asked", "Origin", "Rule", "serving"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the origin answers. Without a ``body`` each answer has one that no other has."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    wait: float = 0
    """Seconds before it answers."""
    hangs_up: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that reached the origin. The names of ``headers`` are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]


Rule: TypeAlias = Answer | Callable[[Asked], Answer]


class Origin:
    """The answers of each path in their order, of which the last is repeated."""

    def __init__(self) -> None:
        self.rules: dict[str, list[Rule]] = {}
        self.asked: dict[str, list[Asked]] = {}
        self.port = 0
        self._lock = threading.Lock()
        self._serial = 0

    def answer(self, asked: Asked) -> tuple[Answer, bytes]:
        """Return the answer to a request, and its body."""
        path = asked.target.partition("?")[0]
        with self._lock:
            self._serial += 1
            self.asked.setdefault(path, []).append(asked)
            rules = self.rules.get(path, [Answer(status=404)])
            rule = rules.pop(0) if len(rules) > 1 else rules[0]
            serial = b"rendering %d" % self._serial
        answer = rule if isinstance(rule, Answer) else rule(asked)
        return answer, serial if answer.body is None else answer.body


@contextmanager
def serving() -> Iterator[Origin]:
    """Yield an origin that listens on ``port`` of 127.0.0.1."""
    origin = Origin()
    handler = type("Handler", (_Handler,), {"origin": origin})
    with _Server(("127.0.0.1", 0), handler) as server:
        origin.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield origin
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *args: object) -> None:
        """Say nothing: proxies that hang up are among the cases."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Fields and body in one packet.
    wbufsize = -1
    origin: Origin

    def handle_any(self) -> None:
        self._read_body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, body = self.origin.answer(
            Asked(method=self.command, target=self.path, headers=headers)
        )
        time.sleep(answer.wait)
        self.close_connection = answer.hangs_up
        if not answer.hangs_up:
            self._send(answer, body)

    def _read_body(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        while "Transfer-Encoding" in self.headers:
            size = int(self.rfile.readline().partition(b";")[0] or b"0", 16)
            self.rfile.read(size + 2)
            if not size:
                return

    def _send(self, answer: Answer, body: bytes) -> None:
        self.send_response_only(answer.status)
        named = {name.lower() for name, _ in answer.headers}
        if "date" not in named:
            self.send_header("Date", formatdate(usegmt=True))
        for name, value in answer.headers:
            self.send_header(name, value)
        bodiless = answer.status in {204, 304}
        if not bodiless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, *args: object) -> None:
        pass
