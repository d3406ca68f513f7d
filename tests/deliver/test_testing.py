"""What users' tests see."""

import pytest
from django.db import transaction

import dumper_purge as dumper
from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import outlet
from dumper_purge.deliver import delivery
from dumper_purge.testing import purged
from tests.deliver.stage import tier


def test_what_was_purged_in_the_block_is_known_and_sent(settings, stage):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}

    with purged() as found:
        dumper.purge_paths("/a/")
        dumper.purge_tags("menu")
    dumper.purge_paths("/later/")

    assert found.batches == [PurgeBatch.of(["/a/"]), PurgeBatch.of(tags=["menu"])]
    assert found.batch == PurgeBatch.of(["/a/"], tags=["menu"])
    assert len(stage.events) == 3


def test_the_outlet_is_put_back_also_after_an_error():
    with pytest.raises(RuntimeError), purged():
        raise RuntimeError

    assert outlet.outlet() is delivery


@pytest.mark.django_db
def test_in_a_test_case_commits_are_captured(django_capture_on_commit_callbacks):
    with purged() as found, django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        dumper.purge_paths("/a/")
        assert not found.batch

    assert found.batch == PurgeBatch.of(["/a/"])
