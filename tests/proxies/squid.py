"""A real Squid with the shipped files, on free ports, for as long as a ``with`` block."""

import http.client
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

__all__ = ["SQUID_FOLDER", "TOKEN", "Squid", "SquidFailed", "free_ports"]

SQUID_FOLDER = Path(__file__).resolve().parent.parent.parent / "squid"
TOKEN = "tokenOfTheTests1"
# Debian keeps Squid where only root's PATH leads.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
EXECUTABLE = os.environ.get("SQUID") or shutil.which("squid", path=PATH) or "squid"
START_TIMEOUT = 20.0
OWN = """\
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
coredump_dir {folder}
access_log none
netdb_filename none
cache_mem 16 MB
shutdown_lifetime 0 seconds
visible_hostname squid.test
pinger_enable off
"""


class SquidFailed(RuntimeError):
    """Squid did not start; the message is what it wrote."""


class Squid:
    """Start Squid in front of ``backend_port`` and stop it, by its own pid, at the end.

    It has the shipped example with a token. ``changes`` are pieces of the example and what stands
    in their place, ``headers`` what a request needs to be looked up. In its first second or two it
    passes all requests; ``wait`` says that this is over when the block begins.
    """

    def __init__(
        self,
        *,
        backend_port: int,
        changes: dict[str, str] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        token: str | None = TOKEN,
        wait: bool = True,
    ) -> None:
        self.port, self.purge_port = free_ports(2)
        self._backend_port = backend_port
        self._changes = changes or {}
        self._headers = {"Host": "www.example.com", "Accept-Encoding": "gzip", **dict(headers)}
        self._token = token
        self._wait = wait
        self._folder = tempfile.TemporaryDirectory(prefix="squid")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Squid":
        folder = Path(self._folder.name)
        (folder / "squid.conf").write_text(self._site() + OWN.format(folder=folder))
        folder.chmod(0o755)
        if os.geteuid() == 0:
            # As root it becomes this user, who writes what lies in the folder.
            shutil.chown(folder, "proxy")
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

    def _site(self) -> str:
        text = (SQUID_FOLDER / "example.conf").read_text()
        ours = {
            "http_port 127.0.0.1:3128": f"http_port 127.0.0.1:{self.purge_port}",
            "127.0.0.1 parent 3128": f"127.0.0.1 parent {self.purge_port}",
            "127.0.0.1 parent 8000": f"127.0.0.1 parent {self._backend_port}",
            "http_port 80 ": f"http_port 127.0.0.1:{self.port} ",
            "Dumper-Token .^": f"Dumper-Token ^{self._token}$"
            if self._token
            else "Dumper-Token .^",
            "include /etc/squid/dumper/": f"include {SQUID_FOLDER}/",
        }
        for old, new in {**self._changes, **ours}.items():
            if old not in text:
                raise AssertionError(f"example.conf has no {old!r} any more")
            text = text.replace(old, new)
        return text

    def _start(self, folder: Path) -> None:
        # Its shared memory has the name of the service, which takes letters and digits only.
        name = "".join(filter(str.isalnum, folder.name))
        command = [EXECUTABLE, "-n", name, "-N", "-f", str(folder / "squid.conf")]
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
            if self._is_ready():
                return
            time.sleep(0.1)
        raise SquidFailed((folder / "output").read_text(errors="replace") + self.log())

    def _is_ready(self) -> bool:
        if not (_listens(self.port) and _listens(self.purge_port)):
            return False
        if not self._wait:
            return True
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as line:
            line.request("GET", "/", headers=self._headers)
            # One from each of the two ports that a request passes.
            return len(line.getresponse().headers.get_all("X-Cache") or ()) == 2

    def log(self) -> str:
        """Return what Squid has written into its log."""
        file = Path(self._folder.name, "cache.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
        self._folder.cleanup()


def free_ports(count: int) -> list[int]:
    """Return ports that are free now; Squid cannot tell which one it was given."""
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
