"""The stage of one run: the parlour's files, its socket, and the Varnish in front of it.

Like all that stands around Django's own process, it needs the standard library only.
"""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from demo.machine.packages import SetUpError
from tests.varnish import TOKEN, Varnishd, example_vcl

__all__ = ["Stage", "built"]

HOST = "127.0.0.1"
PATIENCE = 15

# Varnish's own answer in the place where a page's script looks for it.
_TELL = """
sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.Server-Timing = {"cache;desc="Varnish hit""};
    }
}
"""


@dataclass(frozen=True)
class Stage:
    """What Django's process inherits: a bound socket, and where everything lies."""

    listener: socket.socket
    variables: dict[str, str]

    def run(self, python: Path, command: str) -> int:
        """Run one of the parlour's commands and return its exit status."""
        process = subprocess.Popen(
            [str(python), "-m", "django", command],
            env=self.variables,
            pass_fds=[self.listener.fileno()],
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It reached the command as well, which ends in good order.
            with suppress(subprocess.TimeoutExpired):
                return process.wait(PATIENCE)
            return 130
        finally:
            process.terminate()
            process.wait()


@contextmanager
def built(variables: dict[str, str], *, varnish: bool, port: int) -> Iterator[Stage]:
    """Build the stage; visitors come to ``port``, or to a free one. Clean up at the end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        own = {"DJANGO_SETTINGS_MODULE": "demo.settings", "PYTHONUNBUFFERED": "1"}
        own["DEMO_FOLDER"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="last-spoon-"))
        listener = stack.enter_context(_bound(port))
        own["DEMO_HOST"] = "{}:{}".format(*listener.getsockname())
        if varnish:
            front, listener = listener, stack.enter_context(_bound(0))
            own |= stack.enter_context(_varnish(front, listener))
        own["DEMO_LISTENER"] = str(listener.fileno())
        yield Stage(listener, variables | own)


@contextmanager
def _varnish(front: socket.socket, listener: socket.socket) -> Iterator[dict[str, str]]:
    """Run Varnish on the port of ``front``; it asks the site behind ``listener``."""
    vcl = example_vcl(listener.getsockname()[1]).replace("\ninclude", f"{_TELL}\ninclude", 1)
    varnishd = Varnishd(vcl)
    varnishd.port = front.getsockname()[1]
    front.close()
    with varnishd:
        yield {"DEMO_VARNISH": varnishd.url, "DEMO_TOKEN": TOKEN}


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SetUpError(f"Port {port} is not free: {error.strerror}. Try --port.") from error
    return listener
