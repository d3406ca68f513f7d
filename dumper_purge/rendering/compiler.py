"""Compile VCL with the varnishd of this machine, and say what it lacks."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.problem import problem

__all__ = ["compiled_by"]

_BINARIES = ("varnishd", "vinyld")
# Debian keeps varnishd where only root's PATH leads.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
_MISSING_VMOD = re.compile(r"Could not (?:find|open) VMOD (\w+)")
_TOKEN = re.compile(r"(?m)^.*Dumper-Token-(?:Wanted|Previous) =.*$")
_REMEDIES = {"xkey": ": install varnish-modules, or set OPTIONS['method'] to 'purge'"}
_TIMEOUT = 60.0


def compiled_by(vcl: str, binary: str | None) -> str:
    """Return the path of what compiled ``vcl``; raise ImproperlyConfigured with what it said."""
    found = _found(binary)
    with tempfile.TemporaryDirectory(prefix="dumper-vcl-") as folder:
        file = Path(folder, "main.vcl")
        file.write_text(vcl, encoding="ascii")
        done = _run([found, *_jail(), "-C", "-n", str(Path(folder, "work")), "-f", str(file)])
    if done.returncode != 0:
        raise ImproperlyConfigured(_complaint(found, done.stderr))
    return found


def _found(binary: str | None) -> str:
    for name in [binary] if binary else _BINARIES:
        if found := shutil.which(name, path=_PATH):
            return found
    raise ImproperlyConfigured(
        f"There is no {binary or ' or '.join(_BINARIES)}: install Varnish, or name its binary with"
        " --varnishd."
    )


def _jail() -> list[str]:
    """Let root read what only root may read: a jail is another user."""
    return ["-j", "none"] if os.geteuid() == 0 else []


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise problem("--varnishd", command[0], f"cannot be run: {error}") from error


def _complaint(binary: str, said: str) -> str:
    vmod = _MISSING_VMOD.search(said)
    if vmod:
        return f"{binary} has no vmod {vmod[1]}{_REMEDIES.get(vmod[1], ': install it')}."
    shown = _TOKEN.sub("(the line of a token)", said).strip()
    return f"{binary} does not compile it:\n{shown}"
