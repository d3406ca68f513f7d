"""A local HTTP server that answers as a vendor's documentation says, well or badly."""

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """One documented answer; ``body`` is sent as it is, or as JSON."""

    status: int
    body: object = ""
    headers: dict = field(default_factory=dict)

    @property
    def encoded(self):
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


HANG, RESET, CUT = object(), object(), object()
"""No answer; a connection that is reset; one that ends in the middle of the answer."""


@dataclass
class Received:
    """One request, as the server got it; names of headers in lower case."""

    method: str
    target: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Vendor:
    """``answers`` is called with each request, and the number of those before it."""

    def __init__(self, answers):
        self.answers = answers
        self.received = []
        self.most_at_once = 0
        self.let_go = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request):
        with self._lock:
            number = len(self.received)
            self.received.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.answers(request, number)
        finally:
            with self._lock:
                self._at_once -= 1

    def serve(self):
        self._server.serve_forever(poll_interval=0.02)

    def close(self):
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(vendor):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            answer = vendor.answer(Received(self.command, self.path, headers, body))
            if answer is HANG:
                vendor.let_go.wait(30)
                self.close_connection = True
            elif answer is RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()
                self.close_connection = True
            else:
                self.reply(answer)

        def reply(self, answer):
            cut = answer is CUT
            answer = Answer(200, "{}") if cut else answer
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.encoded) + 10 * cut))
            self.end_headers()
            self.wfile.write(answer.encoded)
            self.close_connection = cut

        def __getattr__(self, name):
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

        def handle(self):
            try:
                super().handle()
            except (OSError, ValueError):
                self.close_connection = True

        def finish(self):
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

        def log_message(self, *args):
            pass

    return Handler


@contextmanager
def serving(answers):
    """Serve until the end of the block; ``answers`` is a function, or one answer for all."""
    script = answers if callable(answers) else lambda request, number: answers
    vendor = Vendor(script)
    thread = threading.Thread(target=vendor.serve, daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        vendor.close()
        thread.join(5)
