"""A site behind Varnish whose pages show the number of their render."""

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dumper_purge.paths import EVERYTHING, path_tag, prefix_tags


class Origin(BaseHTTPRequestHandler):
    """Counts its renders; a path that ends in /slow/ waits for ``go`` with the old text."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    renders = 0
    arrived = threading.Event()
    go = threading.Event()

    def do_GET(self):
        path = self.path.partition("?")[0]
        type(self).renders += 1
        body = str(self.renders).encode()
        if path.endswith("/slow/"):
            self.arrived.set()
            self.go.wait(10)
        tags = [path_tag(path), *prefix_tags(path), EVERYTHING, "menu"]
        self.send_response(200)
        self.send_header("Surrogate-Control", "max-age=31536000, stale-if-error=60")
        self.send_header("xkey", " ".join(tags))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def get(node, path, host="a.example"):
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return body
