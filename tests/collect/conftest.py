"""What the tests of this room share: an outlet that remembers, and registrations that end."""

from dataclasses import dataclass, field

import pytest

import dumper_purge.collect.outlet as outlets
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import plans, registration
from dumper_purge.collect.registry import register as dumper_register


@dataclass
class Recorder:
    """Remembers what came out, in order."""

    sent: list[PurgeBatch] = field(default_factory=list)
    recorded: list[PurgeBatch] = field(default_factory=list)
    calls: list[tuple] = field(default_factory=list)

    def record(self, batch):
        self.recorded.append(batch)
        self.calls.append(("record", batch))

    def deliver(self, batch, *, recorded=False):
        self.sent.append(batch)
        self.calls.append(("recorded" if recorded else "deliver", batch))

    @property
    def paths(self):
        """The paths of each batch; fails where there is more than paths."""
        for batch in self.sent:
            assert batch == PurgeBatch(paths=batch.paths)
        return [set(batch.paths) for batch in self.sent]

    def clear(self):
        self.sent.clear()
        self.recorded.clear()
        self.calls.clear()


@pytest.fixture(autouse=True)
def outlet(monkeypatch):
    """Record every batch instead of delivering it."""
    recorder = Recorder()
    monkeypatch.setattr(outlets, "_outlet", recorder)
    return recorder


@pytest.fixture(autouse=True)
def _no_registrations(monkeypatch):
    """Begin and end without registered models."""
    monkeypatch.setattr(registration, "_registrations", {})
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def register(_no_registrations):
    """Register for this test only."""
    return dumper_register
