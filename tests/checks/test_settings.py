"""Settings by themselves, and options of backends: E001, E002 and W003; E018 is in test_pairs."""

import pytest

from tests.checks.site import LOCMEM, found
from tests.deliver.stage import tier

VARNISH = {
    "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
    "LOCATION": "http://127.0.0.1:6081",
    "HOSTS": ["example.com"],
}


def test_a_right_configuration_is_silent():
    assert found() == {}


def test_each_message_has_a_hint():
    messages = found(CACHES={"default": {"BACKEND": LOCMEM}}, MIDDLEWARE=[], DUMPER_TLL=3)

    assert set(messages) == {"dumper_purge.W003", "dumper_purge.W007", "dumper_purge.W008"}
    assert all(message.hint for message in messages.values())


# E001


WRONG = {
    "TTL": ("long",),
    "OUTBOX": ("yes", 1, 0, None, []),
    "ENGINE": ("", "celery", "Inline", "a..b", ".a", "a b.c", 1, None, b"inline", "inline\n"),
    "SWEEP_INTERVAL": (-1, "15", None, True, float("nan"), float("inf"), 1e10),
    "BATCH_LIMIT": (0, -1, 1.5, "1", None, True),
    "BACKLOG_LIMIT": (0, -1, 1.5, "1", None, True),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_names_setting_and_value(name, value):
    message = found(**{f"DUMPER_{name}": value})["dumper_purge.E001"]

    assert f"DUMPER_{name} = {value!r}" in message.msg
    assert message.hint


def test_what_is_wrong_with_a_regular_expression_is_told():
    message = found(DUMPER_PATH_IGNORE_REGEX="(")["dumper_purge.E001"]

    assert "no regular expression" in message.msg


@pytest.mark.parametrize(
    "changes",
    [
        {"DUMPER_OUTBOX": False},
        {"DUMPER_ENGINE": "worker"},
        {"DUMPER_ENGINE": "tests.deliver.stage.failing"},
        {"DUMPER_SWEEP_INTERVAL": 0},
        {"DUMPER_SWEEP_INTERVAL": 0.5},
        {"DUMPER_BATCH_LIMIT": 1},
        {"DUMPER_BACKLOG_LIMIT": 1},
    ],
)
def test_right_values_are_silent(changes):
    assert found(**changes) == {}


# E002


def test_a_backend_that_cannot_be_imported_is_an_error():
    message = found(DUMPER_BACKENDS={"edge": {"BACKEND": "no.Such"}})["dumper_purge.E002"]

    assert "DUMPER_BACKENDS['edge']" in message.msg
    assert "section Backends" in message.hint


def test_an_unknown_option_is_an_error_that_tells_no_secret():
    edge = {**VARNISH, "OPTIONS": {"token": "s3cret", "colour": "red"}}

    messages = found(DUMPER_BACKENDS={"edge": edge})

    assert "colour" in messages["dumper_purge.E002"].msg
    assert "s3cret" not in repr(messages)


@pytest.mark.parametrize("alias", ["fence", "", "e" * 101])
def test_an_alias_that_the_outbox_cannot_keep_is_an_error(alias):
    message = found(DUMPER_BACKENDS={alias: tier("a")})["dumper_purge.E002"]

    assert f"DUMPER_BACKENDS[{alias!r}]" in message.msg
    assert "1 to 100 characters" in message.msg


def test_a_node_that_the_outbox_cannot_keep_is_an_error():
    message = found(DUMPER_BACKENDS={"edge": tier("a", "n" * 256)})["dumper_purge.E002"]

    assert "DUMPER_BACKENDS['edge']['LOCATION'] has a node of more than 255" in message.msg


def test_the_longest_names_are_silent():
    messages = found(DUMPER_BACKENDS={"e" * 100: tier("n" * 255), "fences": tier("a")})

    assert "dumper_purge.E002" not in messages


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": -1}, {"burst": 0, "rate": 1}])
def test_a_rate_that_lets_nothing_through_is_an_error(options):
    messages = found(DUMPER_BACKENDS={"edge": tier("a", **options)})

    assert "dumper_purge.E002" in messages


# W003


def test_a_setting_that_does_not_exist_is_a_warning():
    message = found(DUMPER_TLL=3)["dumper_purge.W003"]

    assert "DUMPER_TLL is no setting" in message.msg
    assert "spelling" in message.hint
