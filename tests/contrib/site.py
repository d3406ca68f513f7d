"""The site as its processes: they share a database, a cache and an edge."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

from demo.machine import environment
from tests.backends.scripted import answering, scripted

TOKEN = "token-of-the-edge"
PATIENCE = 40.0


class Site:
    """``settings`` are those that differ from ``tests/contrib/settings.py``."""

    def __init__(self, folder, edge, **settings):
        self.folder = folder
        self.edge = edge
        self.database = folder / "database"
        self.settings = self._shared() | settings

    def _shared(self):
        database = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self.database),
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
        cache = {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(self.folder / "cache"),
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
        varnish = {
            "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
            "LOCATION": [self.edge.url],
            "OPTIONS": {"token": TOKEN, "method": "xkey", "repeat_after": 0},
        }
        return {
            "DATABASES": {"default": database},
            "CACHES": {"default": cache},
            "DUMPER_BACKENDS": {"edge": varnish},
        }

    def _options(self):
        variables = environment.variables() | {
            "DJANGO_SETTINGS_MODULE": "tests.contrib.settings",
            "CONTRIB_SETTINGS": json.dumps(self.settings),
        }
        return {"cwd": environment.ROOT, "env": variables, "stdin": subprocess.DEVNULL}

    def run(self, module, *arguments):
        """Run ``python -m module``; return what it printed, and fail if it failed."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, **self._options()
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def web(self, action):
        """Do ``save`` or ``sweep`` in a process of its own; return what it tells."""
        return json.loads(self.run("tests.contrib.web", action))

    @contextmanager
    def running(self, module, *arguments):
        """A process in the background, such as a worker, for as long as the block."""
        with (self.folder / "output").open("a") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._options(),
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def entries(self):
        """Return the ids of the entries in the outbox."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM dumper_purge_outboxentry")]

    def make_due(self):
        """Let time pass, for the outbox."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            connection.execute("UPDATE dumper_purge_outboxentry SET due = 0")

    def wait_until(self, condition):
        """Wait for another process; on failure show what it printed."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            output = self.folder / "output"
            assert time.monotonic() < deadline, output.read_text() if output.exists() else "late"
            time.sleep(0.05)


@contextmanager
def site(folder, **settings):
    """Yield a site with empty tables and an edge that answers."""
    with scripted(answering()) as edge:
        made = Site(folder, edge, **settings)
        made.run("django", "migrate", "--run-syncdb", "--verbosity", "0")
        yield made
