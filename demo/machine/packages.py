"""Debian packages: what is missing, and how it gets installed.

As root they are installed at once; with sudo only when a person agrees or ``--yes`` was given.
No service is started on its default port.
"""

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["PATH", "Package", "SetUpError", "install", "missing"]

PATH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
"""Where servers lie: often not on a user's own PATH."""

_SCRIPT = """
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
get() { apt-get -q -o DPkg::Lock::Timeout=600 "$@" < /dev/null; }
get install --yes --no-install-recommends "$@" || {
    get update
    get install --yes --no-install-recommends "$@"
}
"""


class SetUpError(Exception):
    """Something that a person has to put right; the message says what."""


@dataclass(frozen=True)
class Package:
    """A Debian package, and an executable or a file (with wildcards) that proves it is there."""

    name: str
    proof: str

    def is_installed(self) -> bool:
        """Tell whether the proof is there, wherever it came from."""
        if self.proof.startswith("/"):
            return bool(glob.glob(self.proof))
        return shutil.which(self.proof, path=PATH) is not None


def missing(packages: Iterable[Package]) -> list[str]:
    """Return the names of the packages that are not installed."""
    return [package.name for package in packages if not package.is_installed()]


def install(names: Sequence[str], *, yes: bool) -> None:
    """Install Debian packages; raise :class:`SetUpError` where that is not possible or allowed."""
    by_hand = f"apt-get install --no-install-recommends {' '.join(names)}"
    command = [*_become_root(by_hand, yes=yes), "/bin/sh", "-c", _SCRIPT, "install", *names]
    print(f"Installing {', '.join(names)} ...", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(done.stdout, flush=True)
        raise SetUpError(f"apt-get failed (see above). Install by hand, as root: {by_hand}")


def _become_root(by_hand: str, *, yes: bool) -> list[str]:
    if shutil.which("apt-get", path=PATH) is None:
        raise SetUpError(
            "This machine has no apt-get. Install with its own package manager what Debian's "
            f"{by_hand.rpartition('recommends ')[2]} would bring."
        )
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo", path=PATH) is None:
        raise SetUpError(f"There is no sudo here. Run as root: {by_hand}")
    interactive = sys.stdin is not None and sys.stdin.isatty()
    if not yes and not (interactive and _agrees(by_hand)):
        raise SetUpError(f"Not installed. Run with --yes, or yourself: sudo {by_hand}")
    return ["sudo"] if interactive else ["sudo", "--non-interactive"]


def _agrees(by_hand: str) -> bool:
    return input(f"Run 'sudo {by_hand}'? [y/N] ").strip().lower() in {"y", "yes"}
