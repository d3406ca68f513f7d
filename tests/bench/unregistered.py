"""What models that nobody registered pay: two processes, with and without dumper_purge."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.bench.figures import Effort, Figure, slower
from tests.bench.measure import Subject, interleave

__all__ = ["unregistered"]

BAR = 1.05
PER_ROUND = 100
WITH, WITHOUT = "with dumper_purge", "without dumper_purge"
OPERATIONS = {"save": "save() of an unregistered model", "delete": "its fast delete"}


def unregistered(effort: Effort) -> Iterator[Figure]:
    """Measure ``save()`` and the queryset's ``delete()`` of a model that nobody registered."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_worker(name)) for name in (WITH, WITHOUT)}
        for operation, what in OPERATIONS.items():
            subjects = {
                name: _asked(worker, operation, PER_ROUND) for name, worker in workers.items()
            }
            timings = interleave(subjects, effort.times(151))
            yield slower(timings, WITH, WITHOUT, what=what, bar=BAR)


@contextmanager
def _worker(name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench.worker", *(["dumper_purge"] * (name == WITH))]
    worker = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        yield worker
    finally:
        worker.communicate()


def _asked(worker: subprocess.Popen[str], operation: str, count: int) -> Subject:
    """Return a subject whose round is measured by the worker."""
    asked, answers = worker.stdin, worker.stdout
    assert asked is not None
    assert answers is not None

    def run() -> float:
        asked.write(f"{operation} {count}\n")
        return float(answers.readline())

    return run
