"""What was run, how it went, and the closing line that a CI looks for."""

import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

__all__ = ["Step", "Summary"]


@dataclass(frozen=True)
class Step:
    """One command that was run; ``counts`` are pytest's own, where it was pytest."""

    title: str
    passed: bool
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    remark: str = ""

    def __str__(self) -> str:
        verdict = "ok    " if self.passed else "FAILED"
        details = self.remark or _words(self.counts)
        return f"  {verdict}  {self.title:<42} {self.seconds:7.1f} s  {details}".rstrip()


class Summary:
    """The steps so far. A step that fails does not keep the next ones from running."""

    def __init__(self, gaps: Sequence[str]) -> None:
        self.steps: list[Step] = []
        self.gaps = gaps
        self._began = time.monotonic()

    def run(self, title: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run a command that only passes or fails."""
        print(f"\n--- {title}", flush=True)
        self.steps.append(_timed(title, command, variables))

    def pytest(self, title: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run pytest and note what it counted."""
        print(f"\n--- {title}", flush=True)
        self.steps.append(_counted(title, command, variables))

    def pytests(
        self, suites: Mapping[str, Sequence[str]], variables: Mapping[str, str], *, at_once: int
    ) -> None:
        """Run several, so many at once; each is printed when it has ended."""

        def run(title: str) -> Step:
            print(f"\n--- {title} begins", flush=True)
            with tempfile.TemporaryFile() as file:
                step = _counted(title, suites[title], variables, file)
                file.seek(0)
                printed = file.read().decode(errors="replace")
            print(f"\n--- {title}\n{printed}", flush=True)
            return step

        with ThreadPoolExecutor(at_once) as pool:
            self.steps += pool.map(run, suites)

    def fail(self, title: str, remark: str) -> None:
        """Note something that could not be run though it should have been."""
        self.steps.append(Step(title, passed=False, remark=remark))

    def close(self) -> int:
        """Print everything once more in short; return the exit status."""
        print("\n" + "\n".join(self._lines()), flush=True)
        return 0 if all(step.passed for step in self.steps) else 1

    def _lines(self) -> Iterator[str]:
        yield from map(str, self.steps)
        for gap in self.gaps:
            yield f"  not run {gap}"
        total: Counter[str] = Counter()
        for step in self.steps:
            total += step.counts or Counter({"passed" if step.passed else "failed": 1})
        text = f" {_words(total)} in {time.monotonic() - self._began:.2f}s "
        yield f"{text:=^80}"


def _counted(
    title: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    output: IO[bytes] | None = None,
) -> Step:
    with tempfile.TemporaryDirectory(prefix="tests-") as folder:
        report = Path(folder, "junit.xml")
        step = _timed(title, [*command, f"--junit-xml={report}"], variables, output)
        return Step(title, step.passed, step.seconds, _counts(report))


def _timed(
    title: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    output: IO[bytes] | None = None,
) -> Step:
    began = time.monotonic()
    done = subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    return Step(title, done.returncode == 0, time.monotonic() - began)


def _counts(report: Path) -> Counter[str]:
    if not report.exists():
        return Counter()
    counts: Counter[str] = Counter()
    for suite in ET.parse(report).getroot().iter("testsuite"):
        failed, errors, skipped = (
            int(suite.get(name, 0)) for name in ("failures", "errors", "skipped")
        )
        passed = int(suite.get("tests", 0)) - failed - errors - skipped
        counts.update(failed=failed, passed=passed, skipped=skipped, errors=errors)
    return +counts


def _words(counts: Mapping[str, int]) -> str:
    names = ("failed", "passed", "skipped", "errors")
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))
