"""A real PostgreSQL on a free port of 127.0.0.1, for as long as a ``with`` block."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["PostgresFailed", "postgres_server"]

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
USER = "postgres"


class PostgresFailed(RuntimeError):
    """PostgreSQL did not start; the message is what it printed."""


@contextmanager
def postgres_server(*, durable: bool = True) -> Iterator[dict[str, Any]]:
    """Yield an entry for DATABASES of a new, empty cluster; stop it and remove it afterwards.

    ``durable=False`` does without fsync: faster, and right as long as the machine stays up.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        log = Path(folder, "log")
        log.touch()
        _give_away(folder)
        _make_cluster(folder)
        port = _free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                _command(folder, port, durable=durable),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, port, log)
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "postgres",
                "USER": USER,
                "HOST": "127.0.0.1",
                "PORT": str(port),
            }
        finally:
            _stop(process)


def _make_cluster(folder: str) -> None:
    command = _as_owner(_program("initdb"), "-D", f"{folder}/data", "-U", USER)
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    result = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if result.returncode:
        raise PostgresFailed(f"initdb failed:\n{result.stdout}{result.stderr}")


def _command(folder: str, port: int, *, durable: bool) -> list[str]:
    settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    if not durable:
        settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    command = _as_owner(_program("postgres"), "-D", f"{folder}/data")
    return command + [word for setting in settings for word in ("-c", setting)]


def _program(name: str) -> str:
    """Return a program of the newest version; Debian keeps them out of everybody's PATH."""
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(folders, key=lambda folder: _number(folder.parent.name), reverse=True)
    found = (str(folder / name) for folder in newest if (folder / name).exists())
    return next(found, None) or shutil.which(name) or name


def _number(name: str) -> float:
    with suppress(ValueError):
        return float(name)
    return 0.0


def _as_owner(*command: str) -> list[str]:
    """Return a command as it is run by somebody who is not root, whom PostgreSQL refuses."""
    if os.geteuid():
        return list(command)
    # setpriv puts itself in the place of the command, so that its pid is the server's.
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]


def _give_away(folder: str) -> None:
    if not os.geteuid():
        owner = pwd.getpwnam(USER)
        for path in (Path(folder), *Path(folder).iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    asks: Sequence[str] = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run(asks).returncode == 0:
            return
        time.sleep(0.05)
    raise PostgresFailed(f"postgres did not start:\n{log.read_text(errors='replace')}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it without waiting for its clients (SIGINT, the fast shutdown)."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
