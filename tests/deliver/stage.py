"""Backends that do as they are told and remember it."""

import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar

from dumper_purge.backends.base import BaseBackend


class Stage:
    """What happened, in order, and what is to happen: ``script`` by (alias, node)."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.changed = threading.Condition()
        self.events = []
        self.script = {}
        self.settling = {}

    def happened(self, *event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait_for(self, count, timeout=5.0):
        """Wait until so many events have happened; return them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.events) >= count, timeout), self.events
            return list(self.events)

    def names(self):
        with self.changed:
            return [event[:2] for event in self.events]


stage = Stage()


@dataclass(frozen=True, kw_only=True)
class StageBackend(BaseBackend):
    waiting: bool = False
    instantly: bool = False
    secret: str = field(default="", repr=False)
    ttl_header: ClassVar[str | None] = "Surrogate-Control"

    @property
    def waits_for_fetches(self):
        return self.waiting

    def send(self, batch, node):
        act = stage.script.get(node)
        number = sum(event[:2] == ("send", node) for event in stage.events)
        stage.happened("send", node, batch, time.monotonic())
        if act is not None:
            act(number)

    def settle(self, batch, node):
        stage.happened("settle", node, batch, time.monotonic())
        act = stage.settling.get(node)
        if act is not None:
            act()
        return self.waiting


@dataclass(frozen=True, kw_only=True)
class InstantBackend(StageBackend):
    instant: ClassVar[bool] = True


def tier(*nodes, instant=False, **options):
    name = "InstantBackend" if instant else "StageBackend"
    return {
        "BACKEND": f"tests.deliver.stage.{name}", "LOCATION": list(nodes), "OPTIONS": options
    }  # fmt: skip


def failing(error, times=1_000):
    """Raise at the first so many attempts."""

    def act(number):
        if number < times:
            raise error

    return act
