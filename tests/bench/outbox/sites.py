"""A site of a bench: its settings, a migrated database, and the processes that it runs."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.varnish import TOKEN

__all__ = ["HOST", "Actor", "Site", "redis_cache", "site", "varnish"]

HOST = "www.example.com"
ROOT = Path(__file__).resolve().parents[3]
STOP_TIMEOUT = 20.0
_MOST_LOG = 3_000


def varnish(*urls: str, method: str = "purge", **options: Any) -> dict[str, Any]:
    """Return DUMPER_BACKENDS of one tier, with these nodes."""
    return {
        method: {
            "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
            "LOCATION": urls,
            "HOSTS": [HOST],
            "OPTIONS": {"token": TOKEN, "method": method, **options},
        }
    }


def redis_cache(url: str) -> dict[str, Any]:
    """Return CACHES that several processes can share."""
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}


@contextmanager
def site(database: Mapping[str, Any], **settings: Any) -> Iterator["Site"]:
    """Yield a site with this database, which it migrates; SQLite's is a file of the site's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        used = {"NAME": str(Path(folder, "database")), "CONN_MAX_AGE": None, **database}
        found = Site(Path(folder), {"DATABASES": {"default": used}, **settings})
        found.run("django", "migrate", "--run-syncdb", "--verbosity=0")
        yield found


class Site:
    """Runs processes whose logs lie in ``folder``."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._log = folder / "log"
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.bench.outbox.settings",
            "BENCH_OUTBOX": json.dumps(settings),
            "BENCH_LOG": str(self._log),
        }

    def act(self, name: str, **arguments: Any) -> Any:
        """Return what ``MODULE.FUNCTION`` of ``acts`` does, in a process of its own."""
        return json.loads(self.run("tests.bench.outbox.acts", name, json.dumps(arguments)))

    @contextmanager
    def acting(self, name: str, **arguments: Any) -> Iterator["Actor"]:
        """Run an iterator of ``acts`` beside the block; yield who asks it for its next value."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.outbox.acts", name, json.dumps(arguments)],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Actor(process)
        finally:
            process.communicate()

    def run(self, *command: str) -> str:
        """Run a module; return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}{self._last_words()}")
        return done.stdout

    @contextmanager
    def worker(self) -> Iterator[int]:
        """Run ``manage.py dumper worker`` beside the block; yield its process id."""
        command = [sys.executable, "-m", "django", "dumper", "worker"]
        with self._log.open("ab") as log:
            worker = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield worker.pid
            if worker.poll() is not None:
                raise RuntimeError(f"The worker ended by itself:\n{self._last_words()}")
        finally:
            _stop(worker)

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-_MOST_LOG:] if self._log.exists() else ""


class Actor:
    """A process of a site's that waits until it is asked for the next value."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def next(self) -> Any:
        """Return the next value; raise RuntimeError if the process has ended."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write("\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError("A process of the bench has ended by itself: see above.")
        return json.loads(line)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
