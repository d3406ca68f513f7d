"""The cache server and the Django processes, as they are started."""

import sys
from pathlib import Path

from tests.chaos.plan import ROOT, Plan
from tests.chaos.ports import free_port
from tests.chaos.processes import Process

__all__ = ["Redis", "web", "worker"]

_THREADS = "10"


class Redis(Process):
    """A Redis that keeps nothing on disk: started again, it has lost everything."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]
        command += ["--maxmemory-policy", "allkeys-lru"]
        super().__init__("redis", command, folder=folder, environment={})


def web(number: int, port: int, plan: Plan) -> Process:
    """Return a gunicorn of one process."""
    command = ["-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", _THREADS]
    command += ["--graceful-timeout", "5", "--timeout", "60", "--no-control-socket"]
    return _python(f"web-{number}", command, plan)


def worker(plan: Plan) -> Process:
    """Return ``manage.py dumper worker``."""
    return _python("worker", ["-m", "django", "dumper", "worker"], plan)


def _python(role: str, command: list[str], plan: Plan) -> Process:
    environment = {"CHAOS_ROLE": role, "PYTHONPATH": str(ROOT)}
    return Process(role, [sys.executable, *command], folder=plan.folder, environment=environment)
