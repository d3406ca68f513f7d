"""The private virtual environments of ``python3 demo`` and ``python3 tests``.

They lie in the checkout, ignored by git, and are made anew when what they must hold has changed.
This package needs the standard library only: it runs before anything is installed.
"""

import ast
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.machine import packages
from demo.machine.interpreters import Interpreter
from demo.machine.packages import SetUpError

__all__ = ["ROOT", "make", "requirements", "runtime_requirements", "variables"]

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".environments"


def make(name: str, interpreter: Interpreter, wanted: Sequence[str], *, yes: bool) -> Path:
    """Return the Python of an environment with these requirements; make it where it is missing.

    Raises :class:`SetUpError`. ``yes`` allows sudo where ``venv`` itself has to be installed.
    """
    origin = hashlib.sha256(interpreter.prefix.encode()).hexdigest()[:4]
    folder = FOLDER / f"{name}-py{interpreter.version}-{origin}"
    python = folder / "bin" / "python"
    # The folder's own path is part of it: a checkout that was moved has dead scripts.
    content = "\n".join([str(folder), *wanted])
    seal = folder / "complete"
    with _locked():
        if not (python.exists() and seal.exists() and seal.read_text() == content):
            _build(folder, interpreter, wanted, yes=yes)
            seal.write_text(content)
    return python


def variables() -> dict[str, str]:
    """Return the environment variables with which an environment's Python finds this checkout."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    return inherited | {"PYTHONPATH": str(ROOT), "PATH": packages.PATH}


def runtime_requirements() -> list[str]:
    """Return the dependencies that pyproject.toml names (Python 3.10 cannot read TOML)."""
    text = (ROOT / "pyproject.toml").read_text()
    match = re.search(r"^dependencies = (\[.*?\])", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise SetUpError("pyproject.toml names no dependencies.")
    found: list[str] = ast.literal_eval(match[1])
    return found


def requirements(file: Path) -> list[str]:
    """Return the requirements that a file names, one per line."""
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time build; the kernel forgets the lock of a process that died."""
    try:
        FOLDER.mkdir(exist_ok=True)
        lock = (FOLDER / "lock").open("w")
    except OSError as error:
        raise SetUpError(f"The checkout has to be writable: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for another process that works in {FOLDER} ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, interpreter: Interpreter, wanted: Sequence[str], *, yes: bool) -> None:
    print(f"Making {folder.relative_to(ROOT)} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _require_venv(interpreter, yes=yes)
    _run([interpreter.path, "-m", "venv", str(folder)], "Python's venv failed, see above.")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run(
        [*pip, "install", "--quiet", *wanted],
        f"pip could not install {' '.join(wanted)}, see above. It needs the network,"
        " or an index that pip's own configuration names.",
    )


def _run(command: Sequence[str], complaint: str) -> None:
    # A user's own pip settings hold (index, proxy, certificates), but not "always --user".
    environment = variables() | {"PYTHONPATH": "", "PIP_USER": "0"}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise SetUpError(f"{done.stdout}\n{complaint}")


def _require_venv(interpreter: Interpreter, *, yes: bool) -> None:
    if _has_venv(interpreter):
        return
    if interpreter.prefix != "/usr":
        raise SetUpError(
            f"{interpreter.path} has no venv or ensurepip. Run this with a complete Python."
        )
    packages.install([f"python{interpreter.version}-venv"], yes=yes)


def _has_venv(interpreter: Interpreter) -> bool:
    probe = [interpreter.path, "-I", "-c", "import ensurepip, venv"]
    return subprocess.run(probe, capture_output=True).returncode == 0
