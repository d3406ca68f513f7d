"""The claims of vcl/, one .vtc file each, as varnishtest runs them."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.varnish import PATH, QUICKLY_COMPILED, VCL_FOLDER

__all__ = ["CASES", "COMPILER", "JOBS", "NAMES", "run_case"]

CASES = Path(__file__).parent
VARNISHTEST = os.environ.get("VARNISHTEST", "varnishtest").split()
JOBS = int(os.environ.get("VARNISHTEST_JOBS", "0")) or 3 * (os.cpu_count() or 1)
"""How many run at once: a case waits more than it works."""
NAMES = sorted(path.stem for path in CASES.glob("*.vtc"))

# varnishtest hands it to a shell.
COMPILER = ("-p", f"'cc_command={QUICKLY_COMPILED}'")


def run_case(
    name: str,
    vcl_folder: Path = VCL_FOLDER,
    folder: Path = CASES,
    arguments: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run the case ``name`` of ``folder`` with the includes of ``vcl_folder``."""
    command = [*VARNISHTEST, *COMPILER, "-t", "60", "-D", f"vcl_path={vcl_folder}:{CASES}"]
    return subprocess.run(
        [*command, *arguments, str(folder / f"{name}.vtc")],
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
