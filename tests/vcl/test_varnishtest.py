"""The claims of vcl/, one .vtc file each, and proof that each protection's test can fail."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.varnish import PATH, VCL_FOLDER
from tests.vcl.mutants import MUTANTS, Mutant

CASES = Path(__file__).parent
VARNISHTEST = os.environ.get("VARNISHTEST", "varnishtest").split()
JOBS = int(os.environ.get("VARNISHTEST_JOBS", "3"))
NAMES = sorted(path.stem for path in CASES.glob("*.vtc"))

pytestmark = pytest.mark.needs("varnishtest")


def run_case(
    name: str,
    vcl_folder: Path = VCL_FOLDER,
    folder: Path = CASES,
    arguments: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run the case ``name`` of ``folder`` with the includes of ``vcl_folder``."""
    command = [*VARNISHTEST, "-t", "60", "-D", f"vcl_path={vcl_folder}:{CASES}", *arguments]
    return subprocess.run(
        [*command, str(folder / f"{name}.vtc")],
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )


def run_mutant(mutant: Mutant) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        # Started by root, varnishd compiles as another user.
        Path(folder).chmod(0o755)
        write_mutant(mutant, Path(folder))
        return run_case(mutant.case, Path(folder))


def write_mutant(mutant: Mutant, folder: Path) -> None:
    files = {path.name: path.read_text() for path in VCL_FOLDER.glob("*.vcl")}
    named = sorted(name for name in files if fnmatch(name, mutant.file))
    name = next((name for name in named if mutant.old in files[name]), None)
    assert name, f"{mutant.file} has no {mutant.old!r} any more"
    files[name] = files[name].replace(mutant.old, mutant.new, 1)
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(JOBS) as pool:
        yield pool


Runs = dict[object, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, pool: ThreadPoolExecutor) -> Runs:
    """Every run that the selected tests want, a few at a time; a second try is a run of its own."""
    started: Runs = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.module is not request.module:  # type: ignore[attr-defined]
            continue
        if name := parameters.get("name"):
            started[name] = pool.submit(run_case, name)
        elif mutant := parameters.get("mutant"):
            started[mutant] = pool.submit(run_mutant, mutant)
    return started


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, runs: Runs) -> None:
    result = runs.pop(name).result() if name in runs else run_case(name)

    assert result.returncode == 0, result.stdout[-6000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.case}-{mutant.old[:30]}")
def test_case_notices_that_its_protection_is_gone(mutant: Mutant, runs: Runs) -> None:
    result = runs.pop(mutant).result() if mutant in runs else run_mutant(mutant)

    assert result.returncode == 2, result.stdout[-3000:]
    assert "VCC-compiler failed" not in result.stdout
