"""The runs that the tests of this folder want: a few at a time, each once for all who ask."""

import subprocess
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from tests.varnish import VCL_FOLDER, version
from tests.vcl.cases import CASES, JOBS, run_case
from tests.vcl.coverage import TRACE
from tests.vcl.mutants import Mutant

__all__ = ["Result", "Runs"]

Result = subprocess.CompletedProcess[str]

# No origin of a case is silent for longer, unless it has noticed what is wrong and gone away.
IMPATIENT = ("-p", "first_byte_timeout=5", "-p", "pipe_timeout=5")


class Runs:
    """Cases with the shipped VCL, each with VCL_trace, and cases with a mutant of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(JOBS)
        self._started: dict[str | Mutant, Future[Result]] = {}

    def close(self) -> None:
        """Let those end that are running."""
        self._pool.shutdown(cancel_futures=True)

    def start(self, *wanted: str | Mutant) -> None:
        """Start what was not started yet."""
        for run in wanted:
            if run not in self._started:
                self._started[run] = self._pool.submit(self._run, run)

    def result(self, run: str | Mutant) -> Result:
        """Return what came of a run; who asks again after a failure gets a run of its own."""
        self.start(run)
        done = self._started[run].result()
        if done.returncode != (2 if isinstance(run, Mutant) else 0):
            del self._started[run]
        return done

    def trace(self, name: str) -> Path:
        """Return the file where a case leaves its trace."""
        return self._folder / f"{name}.trace"

    def _run(self, run: str | Mutant) -> Result:
        return self._traced(run) if isinstance(run, str) else _mutated(run)

    def _traced(self, name: str) -> Result:
        case = self._folder / f"{name}.vtc"
        case.write_text((CASES / case.name).read_text() + TRACE)
        arguments = [*IMPATIENT, "-p", "vsl_mask=+VCL_trace", "-D", f"trace={self.trace(name)}"]
        if version() >= (7, 4):
            arguments += ["-p", "feature=+trace"]
        return run_case(name, arguments=arguments, folder=self._folder)


def _mutated(mutant: Mutant) -> Result:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        # Started by root, varnishd compiles as another user.
        Path(folder).chmod(0o755)
        _write(mutant, Path(folder))
        return run_case(mutant.case, Path(folder), arguments=IMPATIENT)


def _write(mutant: Mutant, folder: Path) -> None:
    files = {path.name: path.read_text() for path in VCL_FOLDER.glob("*.vcl")}
    named = sorted(name for name in files if fnmatch(name, mutant.file))
    name = next((name for name in named if mutant.old in files[name]), None)
    assert name, f"{mutant.file} has no {mutant.old!r} any more"
    files[name] = files[name].replace(mutant.old, mutant.new, 1)
    for name, text in files.items():
        (folder / name).write_text(text)
