"""What ``manage.py dumper purge`` could not do is in the outbox, not gone with its process."""

import pytest
from django.core.management import CommandError, call_command

from dumper_purge.deliver import delivery
from dumper_purge.exceptions import Rejected, Transient
from tests.deliver.rows import batches, entries, targets
from tests.deliver.stage import failing, tier

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")


def test_what_is_not_done_in_time_waits_and_what_was_rejected_is_a_dead_letter(
    stage, settings, soon
):
    settings.DUMPER_BACKENDS = {"edge": tier("good", "down", "closed")}
    stage.script["down"] = failing(Transient("it is down."))
    stage.script["closed"] = failing(Rejected("wrong token."))

    with pytest.raises(CommandError, match="The rest is in the outbox: see manage.py dumper st"):
        call_command("dumper", "purge", "/a/", "--timeout", "0.5")

    assert sorted(targets()) == [
        ("edge", "closed", "send", "dead"),
        ("edge", "down", "send", "pending"),
    ]
    assert [row.error for row in entries() if row.state == "dead"] == ["wrong token."]
    assert {batch.paths for batch in batches()} == {frozenset({"/a/"})}
    assert delivery.finish(0) == []


def test_many_parts_that_a_node_owes_are_one_row(stage, settings, soon, monkeypatch):
    monkeypatch.setattr("dumper_purge.management.purge._AT_ONCE", 1)
    settings.DUMPER_BACKENDS = {"edge": tier("closed")}
    stage.script["closed"] = failing(Rejected("wrong token."))

    with pytest.raises(CommandError):
        call_command("dumper", "purge", "/a/", "/b/", "/c/")

    assert [batch.paths for batch in batches()] == [frozenset({"/a/", "/b/", "/c/"})]


def test_what_was_done_leaves_nothing(stage, settings):
    settings.DUMPER_BACKENDS = {"edge": tier("good")}

    call_command("dumper", "purge", "/a/", verbosity=0)

    assert entries() == []
