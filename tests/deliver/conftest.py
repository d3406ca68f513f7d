"""Nothing is pending before or after a test."""

import pytest

from dumper_purge.deliver import delivery, followups, retry
from dumper_purge.signals import purge_failed, purge_sent
from tests.deliver import stage as stages


@pytest.fixture(autouse=True)
def _nothing_pending():
    delivery.forget()
    yield
    delivery.finish(1)
    delivery.forget()


@pytest.fixture
def stage():
    stages.stage.forget()
    return stages.stage


@pytest.fixture
def soon(monkeypatch):
    """Let retries come without delay."""
    monkeypatch.setattr(retry, "_LONGEST", 0.02)
    monkeypatch.setattr(followups, "_LATE_TOGETHER", 0.01)


@pytest.fixture
def signals():
    """Collect ("sent" or "failed", alias, node, attempts) and the errors."""
    found = []

    def sent(sender, *, alias, node, batch, attempts, seconds, **kwargs):
        assert seconds >= 0
        found.append(("sent", alias, node, attempts))

    def failed(sender, *, alias, node, batch, attempts, seconds, error, final, **kwargs):
        assert isinstance(error, Exception)
        found.append(("given up" if final else "failed", alias, node, attempts))

    purge_sent.connect(sent)
    purge_failed.connect(failed)
    yield found
    purge_sent.disconnect(sent)
    purge_failed.disconnect(failed)
