"""Processes that are started again when they die, and stopped by their own pid at the end."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

__all__ = ["Process", "Restartable", "Supervisor", "children", "is_stopped"]

STOP_TIMEOUT = 10.0
_GLANCE = 0.2


class Restartable(Protocol):
    """What a supervisor looks after."""

    def is_alive(self) -> bool: ...

    def start(self) -> None: ...


class Process:
    """One process in a session of its own, whose output is appended to ``<name>.log``."""

    def __init__(
        self, name: str, command: list[str], *, folder: Path, environment: dict[str, str]
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, or start it again."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Tell whether it runs; one that was stopped by a signal does."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def go_on(self) -> None:
        """Let it go on if a signal has stopped it."""
        self.send(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order, or else by force."""
        if self._process is None:
            return
        self.go_on()
        if self.is_alive():
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        self.send(signal.SIGKILL)
        self._process.wait()


def children(pid: int) -> list[int]:
    """Return the pids of a process's children."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped by a signal."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


class Supervisor:
    """Starts again what has died, for as long as a ``with`` block."""

    def __init__(self) -> None:
        self.restarts = 0
        self.last_error: Exception | None = None
        self._watched: tuple[Restartable, ...] = ()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def watch(self, *processes: Restartable) -> None:
        """Name what it looks after."""
        self._watched = processes

    def wait(self, seconds: float) -> bool:
        """Wait until everything it watches is alive; False if that took too long."""
        deadline = time.monotonic() + seconds
        while not all(process.is_alive() for process in self._watched):
            if time.monotonic() > deadline:
                return False
            time.sleep(_GLANCE)
        return True

    def _look_after(self) -> None:
        while not self._over.wait(_GLANCE):
            for process in self._watched:
                if not process.is_alive():
                    self._restart(process)

    def _restart(self, process: Restartable) -> None:
        self.restarts += 1
        try:
            process.start()
        except Exception as error:
            # It was killed again as it started, or else it will not start the next time either.
            self.last_error = error
