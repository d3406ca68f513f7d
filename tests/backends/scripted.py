"""A TCP server that answers as it is told, well or badly."""

import socket
import threading
from contextlib import contextmanager

PURGED = b"HTTP/1.1 200 Purged\r\nContent-Length: 2\r\n\r\n{}"


class ScriptedNode:
    """``script`` is called, in a thread, with each connection and the number of those before it."""

    def __init__(self, script):
        self.script = script
        self.received = []
        self.connections = 0
        self.stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            threading.Thread(target=self._talk, args=(connection, number), daemon=True).start()

    def _talk(self, connection, number):
        with connection:
            try:
                self.script(Talk(self, connection), number)
            except OSError:
                return

    def close(self):
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Talk:
    """One connection, as a script sees it."""

    def __init__(self, node, connection):
        self.node = node
        self.connection = connection
        self._data = b""

    def request(self):
        """Return the next request's head, or None when the client has gone."""
        while b"\r\n\r\n" not in self._data:
            received = self.connection.recv(65536)
            if not received:
                return None
            self._data += received
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        self.node.received.append(head.decode())
        return head.decode()

    def send(self, data):
        self.connection.sendall(data)

    def hang(self):
        self.node.stopped.wait(30)


@contextmanager
def scripted(script):
    node = ScriptedNode(script)
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.close()
        thread.join(5)


def answering(answer=PURGED):
    """Answer every request alike."""

    def script(talk, number):
        while talk.request():
            talk.send(answer)

    return script


def status(code, reason="Refused", *headers):
    lines = [f"HTTP/1.1 {code} {reason}", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def hanging(talk, number):
    talk.request()
    talk.hang()


def refused_url():
    """Return the URL of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
