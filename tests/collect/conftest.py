"""What the tests of this room share: an outlet that remembers, and registrations that end."""

from dataclasses import dataclass, field

import pytest

import dumper_purge.collect.outlet as outlets
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import plans, registry
from dumper_purge.collect.outlet import EntryRef
from dumper_purge.collect.registering import register as dumper_register


@dataclass
class Recorder:
    """Remembers what came out, in order; with ``outbox`` on, what was entered before, too."""

    sent: list[PurgeBatch] = field(default_factory=list)
    recorded: list[PurgeBatch] = field(default_factory=list)
    calls: list[tuple] = field(default_factory=list)
    outbox: bool = False
    entered: dict[EntryRef, PurgeBatch] = field(default_factory=dict)
    closed: list[EntryRef] = field(default_factory=list)

    def has_outbox(self, using):
        return self.outbox

    def write(self, batch, using):
        if not self.outbox:
            return None
        ref = EntryRef(using, str(len(self.entered)))
        self.entered[ref] = batch
        self.calls.append(("write", batch))
        return ref

    def record(self, batch):
        self.recorded.append(batch)
        self.calls.append(("record", batch))
        return True

    def deliver(self, batch, *, recorded=False, entries=()):
        self.sent.append(batch)
        self.closed += entries
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
        self.entered.clear()
        self.closed.clear()


@pytest.fixture(autouse=True)
def outlet(monkeypatch):
    """Record every batch instead of delivering it."""
    recorder = Recorder()
    monkeypatch.setattr(outlets, "_outlet", recorder)
    return recorder


@pytest.fixture(autouse=True)
def _no_registrations(monkeypatch):
    """Begin and end without registered models."""
    monkeypatch.setattr(registry, "_registrations", {})
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def register(_no_registrations):
    """Register for this test only."""
    return dumper_register
