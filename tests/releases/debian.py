"""Another Debian in a folder, made by debootstrap, and programs that run in it.

Whatever is mounted for them is mounted in a namespace of their own. It ends with the last of
them, and they end with the process that started them, however that one ends.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.machine import environment, packages
from demo.machine.packages import SetUpError
from tests.releases.mirror import mirror

__all__ = ["CHECKOUT", "Debian", "require_rights"]

CHECKOUT = Path("/mnt")
"""Where this checkout lies for the programs inside; they cannot write to it."""

_ALONE = ("setpriv", "--pdeathsig", "KILL")
_ALONE += ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL")

_PATIENCE = 600.0
"""How long it may take to make one, in seconds; a mirror may be slow, but not silent for ever."""

# While debootstrap installs, its own policy-rc.d lets no service start.
_BUILD = """
set -eu
folder=$1 suite=$2 packages=$3 mirror=$4
debootstrap --variant=minbase --include="$packages" "$suite" "$folder" "$mirror"
echo '127.0.0.1 localhost' > "$folder/etc/hosts"
rm -f "$folder"/var/cache/apt/archives/*.deb
"""

_ENTER = """
set -eu
folder=$1 checkout=$2
shift 2
mount -t proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"
mount -t tmpfs tmpfs "$folder/tmp"
mount --bind "$checkout" "$folder/mnt"
mount -o remount,bind,ro "$folder/mnt"
exec chroot "$folder" "$@"
"""


@dataclass(frozen=True)
class Debian:
    """One suite with some packages, in the checkout's folder of environments."""

    suite: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return environment.FOLDER / f"debian-{self.suite}"

    def command(self, program: Sequence[str]) -> list[str]:
        """Return what runs ``program`` inside."""
        paths = [str(self.folder), str(environment.ROOT)]
        return [*_ALONE, "/bin/sh", "-c", _ENTER, "enter", *paths, *program]

    def run(self, program: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run ``program`` inside and return what it said."""
        return _said(self.command(program))

    @contextmanager
    def ready(self, *, anew: bool = False) -> Iterator[None]:
        """Make it where it is missing, and let nobody make it anew meanwhile.

        Raises :class:`SetUpError` where this machine, or whoever runs this, cannot.
        """
        require_rights(self.suite)
        environment.FOLDER.mkdir(exist_ok=True)
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if anew or not self._is_complete():
                fcntl.flock(lock, fcntl.LOCK_EX)
                if anew or not self._is_complete():
                    self._build()
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    @property
    def _seal(self) -> Path:
        return self.folder / "complete"

    @property
    def _content(self) -> str:
        return "\n".join([_BUILD, *self.packages])

    def _is_complete(self) -> bool:
        return self._seal.exists() and self._seal.read_text() == self._content

    def _build(self) -> None:
        if shutil.which("debootstrap", path=packages.PATH) is None:
            packages.install(["debootstrap"], yes=True)
        address = mirror(self.suite)
        print(f"Making {self.folder} ...", flush=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        included = ",".join(self.packages)
        arguments = [str(self.folder), self.suite, included, address]
        done = _said([*_ALONE, "/bin/sh", "-c", _BUILD, "build", *arguments])
        if done.returncode != 0:
            raise RuntimeError(f"debootstrap failed:\n{done.stdout[-3000:]}")
        self._seal.write_text(self._content)


def require_rights(suite: str) -> None:
    """Raise :class:`SetUpError` where whoever runs this may not do what it takes."""
    if os.geteuid() != 0:
        raise SetUpError(f"Only root can make a Debian of its own for {suite}: run this with sudo.")
    tried = _said(["unshare", "--mount", "--pid", "--fork", "true"])
    if tried.returncode != 0:
        raise SetUpError(
            f"Nothing can be mounted here for {suite}: {tried.stdout.strip()}. A container needs"
            " the capability SYS_ADMIN."
        )


def _said(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"PATH": packages.PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_PATIENCE,
    )
