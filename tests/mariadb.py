"""A real MariaDB on a free port of 127.0.0.1, for as long as a ``with`` block."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

__all__ = ["MariadbFailed", "mariadb_server", "use_pymysql"]

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
USER = "dumper"
OWNER = "mysql"
NAME = "dumper"
# Debian keeps mariadbd where only root's PATH leads.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])


class MariadbFailed(RuntimeError):
    """MariaDB did not start; the message is what it printed."""


def use_pymysql() -> None:
    """Let Django's MySQL backend use PyMySQL; call it before the first connection is made."""
    # Django asks for a release of mysqlclient, whose place PyMySQL takes.
    pymysql.version_info = (2, 2, 8, "final", 0)
    pymysql.install_as_MySQLdb()


@contextmanager
def mariadb_server() -> Iterator[dict[str, Any]]:
    """Yield an entry for DATABASES of a new, empty server; stop it and remove it afterwards.

    Call :func:`use_pymysql` before Django uses the entry.
    """
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        _install(folder)
        port = _free_port()
        log = Path(folder, "log")
        with log.open("ab") as output:
            process = subprocess.Popen(
                _command(folder, port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, port, log)
            yield {
                "ENGINE": "django.db.backends.mysql",
                "NAME": NAME,
                "USER": USER,
                "PASSWORD": "",
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "OPTIONS": {"charset": "utf8mb4"},
            }
        finally:
            _stop(process)


def _install(folder: str) -> None:
    command = [_program("mariadb-install-db"), "--no-defaults", f"--datadir={folder}/data"]
    command += ["--auth-root-authentication-method=normal", "--skip-test-db", *_as_owner(folder)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        raise MariadbFailed(f"mariadb-install-db failed:\n{result.stdout}{result.stderr}")
    # Carried out at the start, one statement a line.
    Path(folder, "start.sql").write_text(
        f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;\n"
        f"CREATE USER '{USER}'@'%' IDENTIFIED BY '';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'%';\n"
    )


def _command(folder: str, port: int) -> list[str]:
    return [
        _program("mariadbd"),
        "--no-defaults",
        f"--datadir={folder}/data",
        f"--init-file={folder}/start.sql",
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        "--skip-name-resolve",
        *_as_owner(folder),
    ]


def _as_owner(folder: str) -> list[str]:
    """Return the option that makes the server give up root, whom it refuses to be."""
    if os.geteuid():
        return []
    owner = pwd.getpwnam(OWNER)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return [f"--user={OWNER}"]


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or name


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user=USER, database=NAME).close()
            return
        except pymysql.Error:
            time.sleep(0.1)
    raise MariadbFailed(f"mariadbd did not start:\n{log.read_text(errors='replace')}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
