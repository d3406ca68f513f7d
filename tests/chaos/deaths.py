"""Faults of the Django processes: they are killed or stopped, most of them at the worst moment."""

import random
import signal
import time

from tests.chaos.trouble import LONGEST, PATIENCE, Trouble

__all__ = ["DEATHS"]


def web_dies_after_commit(trouble: Trouble, chance: random.Random) -> None:
    """Kill a web process between a COMMIT and its delivery."""
    trouble.note("web SIGKILL after COMMIT")
    trouble.orders.fates.append("kill")
    time.sleep(1)


def web_stops_after_commit(trouble: Trouble, chance: random.Random) -> None:
    """Stop a web process between a COMMIT and its delivery."""
    trouble.note("web SIGSTOP after COMMIT")
    trouble.orders.fates.append("stop")
    trouble.resume(trouble.stage.webs, chance.uniform(0.5, LONGEST))


def web_dies(trouble: Trouble, chance: random.Random) -> None:
    """Kill a web process whatever it does."""
    web = chance.choice(trouble.stage.webs)
    trouble.note("web SIGKILL", web.name)
    web.send(signal.SIGKILL)


def worker_dies(trouble: Trouble, chance: random.Random) -> None:
    """Kill or stop the worker whatever it does."""
    worker, seconds = trouble.stage.worker, chance.uniform(0.5, LONGEST)
    number = chance.choice([signal.SIGKILL, signal.SIGSTOP])
    if worker is None:
        return
    trouble.note(f"worker {number.name}")
    worker.send(number)
    if number == signal.SIGSTOP:
        time.sleep(seconds)
        worker.go_on()


def sender_fails(trouble: Trouble, chance: random.Random) -> None:
    """Kill or stop a process in the middle of a purge, if it has one to send before long."""
    stage, fate, seconds = (
        trouble.stage,
        chance.choice(["kill", "stop"]),
        chance.uniform(0, LONGEST),
    )
    sender = chance.choice([*stage.webs, stage.worker, stage.worker])
    if sender is None:
        return
    waiting = stage.plan.folder / f"{sender.name}-{fate}"
    waiting.touch()
    deadline = time.monotonic() + PATIENCE
    while waiting.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        waiting.unlink()
    except FileNotFoundError:
        kind = "worker" if sender is stage.worker else "web"
        trouble.note(f"{kind} SIG{fate.upper()} in mid-send", sender.name)
        trouble.resume([sender], seconds)


DEATHS = [
    web_dies_after_commit,
    web_dies_after_commit,
    web_stops_after_commit,
    web_dies,
    worker_dies,
    sender_fails,
    sender_fails,
]
