"""A real nginx with the shipped files, on free ports, for as long as a ``with`` block."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

__all__ = ["NGINX_FOLDER", "TOKEN", "Nginx", "NginxFailed"]

NGINX_FOLDER = Path(__file__).resolve().parent.parent.parent / "nginx"
MODULE = "/usr/lib/nginx/modules/ngx_http_cache_purge_module.so"
TOKEN = "tokenOfTheTests1"
PURGER = f'$dumper_purger {{\n    default 0;\n    "~^{TOKEN}$" 1;'
# Debian keeps nginx where only root's PATH leads.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
EXECUTABLE = os.environ.get("NGINX") or shutil.which("nginx", path=PATH) or "nginx"
START_TIMEOUT = 10.0
MAIN = """\
daemon off;
load_module {module};
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class NginxFailed(RuntimeError):
    """nginx did not start; the message is what it wrote."""


class Nginx:
    """Start nginx in front of ``backend_port`` and stop it, by its own pid, at the end.

    It has the shipped example with a token. ``changes`` are pieces of the example and what stands
    in their place.
    """

    def __init__(self, *, backend_port: int, changes: dict[str, str] | None = None) -> None:
        self.port, self.purge_port = _free_ports(2)
        self._backend_port = backend_port
        self._changes = changes or {}
        self._folder = tempfile.TemporaryDirectory(prefix="nginx-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Nginx":
        folder = Path(self._folder.name)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "main.conf").write_text(MAIN.format(module=MODULE, user=user, folder=folder))
        (folder / "site.conf").write_text(self._site(folder))
        try:
            self._start(folder)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _site(self, folder: Path) -> str:
        text = (NGINX_FOLDER / "example.conf").read_text()
        ours = {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self._backend_port};",
            "/var/cache/nginx/dumper": f"{folder}/cache",
            "include dumper/": f"include {NGINX_FOLDER}/",
            "/run/dumper-rules.sock": f"{folder}/rules.sock",
            "listen 80": f"listen 127.0.0.1:{self.port}",
            "127.0.0.1:8081": f"127.0.0.1:{self.purge_port}",
            "$dumper_purger {\n    default 0;": PURGER,
        }
        for old, new in {**self._changes, **ours}.items():
            if old not in text:
                raise AssertionError(f"example.conf has no {old!r} any more")
            text = text.replace(old, new)
        return text

    def _start(self, folder: Path) -> None:
        command = [EXECUTABLE, "-p", str(folder), "-c", str(folder / "main.conf")]
        with (folder / "output").open("wb") as output:
            # In a session of its own: a Ctrl-C is for us, and we stop it when we are done with it.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            if _listens(self.port):
                return
            time.sleep(0.02)
        raise NginxFailed((folder / "output").read_text(errors="replace") + self.log())

    def log(self) -> str:
        """Return what nginx has written into its error log."""
        file = Path(self._folder.name, "error.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
        self._folder.cleanup()


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; nginx cannot tell which one it was given."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
