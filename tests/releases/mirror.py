"""The mirror of Debian that this machine's own apt is set up for."""

import subprocess
import tempfile
from pathlib import Path

from demo.machine.packages import SetUpError

__all__ = ["mirror"]

_FILTER = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
_DOWNLOADER = "/usr/lib/apt/apt-helper"


def mirror(suite: str) -> str:
    """Return the address of a mirror that has ``suite``; raise :class:`SetUpError` without one."""
    known = _known() or (_updated() and _known())
    if not known:
        raise SetUpError(
            f"apt knows no mirror of Debian here. Name one in /etc/apt, where {suite} can be had."
        )
    found = next((address for address in known if _has(address, suite)), None)
    if found is None:
        raise SetUpError(f"Not to be had from {' or '.join(known)} (is there a network?): {suite}.")
    return found


def _known() -> list[str]:
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", *_FILTER],
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise SetUpError("This machine has no apt-get, so no Debian can be made here.") from error
    return list(dict.fromkeys(done.stdout.split()))


def _updated() -> bool:
    """Fetch the lists, where they have been deleted: only they say whose mirror it is."""
    return subprocess.run(["apt-get", "-qq", "update"], capture_output=True).returncode == 0


def _has(address: str, suite: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="mirror-") as folder:
        command = [_DOWNLOADER, "download-file", f"{address}dists/{suite}/Release"]
        fetched = subprocess.run([*command, str(Path(folder, "Release"))], capture_output=True)
    return fetched.returncode == 0
