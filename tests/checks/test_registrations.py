"""What models were registered with: E004."""

import pytest

import dumper_purge as dumper
from tests.checks.site import found
from tests.faults.models import Page


@pytest.mark.parametrize("tag", ["dumper_purge", "models"])
def test_a_registration_with_an_unknown_field_is_an_error(monkeypatch, tag):
    with monkeypatch.context() as loading:
        loading.setattr("django.apps.apps.models_ready", False)
        dumper.register(Page, fields=["colour"])
    try:
        message = found(tag)["dumper_purge.E004"]
    finally:
        dumper.register(Page)

    assert "['colour']" in message.msg
    assert "register()" in message.hint
