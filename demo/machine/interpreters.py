"""The Pythons of this machine."""

import glob
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Interpreter", "find", "running"]

_PROBE = """
import sys
print("%d.%d" % sys.version_info[:2])
print(sys.base_prefix)
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python: its executable, its version such as ``"3.12"``, and where it is installed."""

    path: str
    version: str
    prefix: str


def running() -> Interpreter:
    """Return the Python that runs this, or the one its virtual environment was made from."""
    version = "{}.{}".format(*sys.version_info[:2])
    own = Path(sys.base_prefix, "bin", f"python{version}")
    return Interpreter(str(own) if own.exists() else sys.executable, version, sys.base_prefix)


def find(version: str) -> Interpreter | None:
    """Return a Python of this version from PATH or pyenv, or None."""
    return next((found for found in map(_probe, _candidates(version)) if _is(found, version)), None)


def _is(found: Interpreter | None, version: str) -> bool:
    return found is not None and found.version == version


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    for folder in _pyenv_folders():
        yield from sorted(glob.glob(f"{folder}/{version}.*/bin/python{version}"), reverse=True)


def _pyenv_folders() -> Iterator[str]:
    # Whoever runs this with an empty HOME still has a home.
    for root in (os.environ.get("PYENV_ROOT"), f"{pwd.getpwuid(os.getuid()).pw_dir}/.pyenv"):
        if root:
            yield f"{root}/versions"


def _probe(path: str) -> Interpreter | None:
    # A pyenv shim exists, and fails, where its version is not switched on.
    done = subprocess.run(
        [path, "-I", "-c", _PROBE], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        return None
    version, prefix = done.stdout.split("\n")[:2]
    return Interpreter(path, version, prefix)
