"""A real varnishd on a free port of 127.0.0.1, for as long as a ``with`` block."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

VCL_FOLDER = Path(__file__).resolve().parent.parent / "vcl"
TOKEN = "token-of-the-tests"
# Debian keeps varnishd where only root's PATH leads.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
_FOUND = shutil.which("varnishd", path=PATH) or shutil.which("vinyld", path=PATH)
VARNISHD = os.environ.get("VARNISHD") or _FOUND or "varnishd"
VARNISHADM = os.environ.get("VARNISHADM", "varnishadm")
VARNISHLOG = os.environ.get("VARNISHLOG", "varnishlog")
START_TIMEOUT = 30.0
QUICKLY_COMPILED = "%D -O0 -g0"
"""A ``cc_command`` for where speed is no matter: most of a start is the C compiler's optimising."""


class VarnishFailed(RuntimeError):
    """varnishd did not start; the message is what it printed."""


def example_vcl(backend_port: int, *, token: str = TOKEN, xkey: bool = True) -> str:
    """Return the shipped ``example.vcl`` for a backend on 127.0.0.1, with a token."""
    text = (VCL_FOLDER / "example.vcl").read_text()
    text = _replaced(text, '.port = "8000"', f'.port = "{backend_port}"')
    text = _replaced(text, 'Dumper-Token-Wanted = ""', f'Dumper-Token-Wanted = "{token}"')
    return text if xkey else _replaced(text, 'include "dumper_xkey.vcl";\n', "")


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise AssertionError(f"example.vcl has no {old!r} any more")
    return text.replace(old, new, 1)


def version() -> tuple[int, ...]:
    """Return the version of the varnishd that is used."""
    result = subprocess.run([VARNISHD, "-V"], capture_output=True, text=True, check=True)
    match = re.search(r"\((?:varnish|vinyl-cache)-(\d+)\.(\d+)", result.stdout + result.stderr)
    return tuple(map(int, match.groups())) if match else ()


def _compiler() -> dict[str, str]:
    command = os.environ.get("VARNISHD_CC_COMMAND")
    return {"cc_command": command} if command else {}


class Varnishd:
    """Start varnishd in front of ``backend_port`` and stop it, by its own pid, at the end.

    ``vcl`` is the text of a VCL or the path of a file, by default the shipped example, which knows
    xkey and accepts :data:`TOKEN`. Includes are found in ``folder``, by default ``vcl/``.
    ``parameters`` are ``-p`` names and values; ``cc_command`` is by default what the environment's
    VARNISHD_CC_COMMAND says, or else varnishd's own.
    """

    def __init__(
        self,
        vcl: str | Path | None = None,
        *,
        backend_port: int = 8000,
        parameters: dict[str, str] | None = None,
        folder: Path = VCL_FOLDER,
    ) -> None:
        if isinstance(vcl, Path):
            vcl = vcl.read_text()
        self.vcl = example_vcl(backend_port) if vcl is None else vcl
        self.token = TOKEN
        self.parameters = _compiler() | (parameters or {})
        self.folder = folder
        self.port = 0
        self._folder = tempfile.TemporaryDirectory(prefix="varnish-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The name of its listener, ``127.0.0.1:port``, as it stands in LOCATION and Host."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def workdir(self) -> str:
        """What ``-n`` of varnishlog and varnishadm wants."""
        return self._folder.name

    def __enter__(self) -> "Varnishd":
        try:
            self.start()
        except BaseException:
            self.stop()
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start, at the second time on the port of the first, with an empty cache."""
        vcl_file = Path(self.workdir, "main.vcl")
        vcl_file.write_text(self.vcl)
        command = [VARNISHD, "-F", "-n", self.workdir, "-a", f"127.0.0.1:{self.port}"]
        command += ["-f", str(vcl_file), "-s", "malloc,128m", "-p", f"vcl_path={self.folder}"]
        if os.geteuid() == 0:
            command[1:1] = ["-j", "none"]
        for name, value in self.parameters.items():
            command += ["-p", f"{name}={value}"]
        with Path(self.workdir, "output").open("wb") as output:
            # In a session of its own: a Ctrl-C is for us, and we stop it when we are done with it.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait_for_port()

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            match = re.search(r"(?m)^a0 127\.0\.0\.1 (\d+)$", self.adm("debug.listen_address"))
            if match:
                self.port = int(match[1])
                return
            time.sleep(0.05)
        output = Path(self.workdir, "output").read_text(errors="replace")
        raise VarnishFailed(f"varnishd did not start:\n{output}")

    def adm(self, *command: str) -> str:
        """Run one varnishadm command and return what it printed."""
        result = subprocess.run(
            [VARNISHADM, "-n", self.workdir, "-t", "2", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return result.stdout

    def stop(self) -> None:
        """Stop it; the port stays its own for the next :meth:`start`."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
