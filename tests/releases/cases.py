"""The cases of ``tests/vcl`` on a release of Varnish."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.releases.debian import CHECKOUT, Debian
from tests.vcl.cases import COMPILER, JOBS, NAMES

__all__ = ["RELEASES", "Release"]

CASES = CHECKOUT / "tests" / "vcl"


@dataclass(frozen=True)
class Release:
    """Where it comes from, and what its programs are called."""

    debian: Debian
    daemon: str
    tester: str

    def version(self) -> str:
        """Return the first line that it says of itself."""
        return self.debian.run([self.daemon, "-V"]).stdout.partition("\n")[0]

    def failures(self) -> dict[str, str]:
        """Run every case; return those that failed twice, each with its reason."""
        with ThreadPoolExecutor(JOBS) as pool:
            first = dict(zip(NAMES, pool.map(self._run, NAMES), strict=True))
        # Cases wait for things to happen in time, and there were others beside them.
        again = {name: self._run(name) for name, done in first.items() if done.returncode}
        return {name: _reason(done.stdout) for name, done in again.items() if done.returncode}

    def _run(self, name: str) -> subprocess.CompletedProcess[str]:
        folders = f"vcl_path={CHECKOUT / 'vcl'}:{CASES}"
        command = [self.tester, *COMPILER, "-t", "60", "-D", folders, str(CASES / f"{name}.vtc")]
        return self.debian.run(command)


def _reason(said: str) -> str:
    """Return what failed, and what the VCL compiler said, of all that varnishtest prints."""
    lines = [line for line in said.splitlines() if line.startswith(("----", "**** v1    CLI RX|"))]
    return "\n".join(lines[-9:]) or said[-1000:]


RELEASES = {
    "trixie": Release(
        Debian("trixie", ("varnish", "varnish-modules")), daemon="varnishd", tester="varnishtest"
    ),
    "sid": Release(
        Debian("sid", ("vinyl-cache", "libvmod-modules")), daemon="vinyld", tester="vinyltest"
    ),
}
