"""The engine of the outbox: E015 and W016."""

import pytest

from tests.checks.site import found

TASKS = "dumper_purge.contrib.tasks.hand_over"


@pytest.mark.parametrize("name", ["no.such.engine", "tests.deliver.stage.missing"])
def test_an_engine_that_cannot_be_imported_is_an_error(name):
    message = found(DUMPER_ENGINE=name)["dumper_purge.E015"]

    assert f"DUMPER_ENGINE = '{name}' cannot be imported" in message.msg
    assert "'inline', 'worker'" in message.hint


def test_an_engine_that_cannot_be_called_is_an_error():
    assert "dumper_purge.E015" in found(DUMPER_ENGINE="tests.deliver.stage.stage")


@pytest.fixture
def importable(monkeypatch):
    """Let the engine of Django Tasks be importable, whatever is installed."""
    monkeypatch.setattr("dumper_purge.checks.engine.import_string", lambda name: print)


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("package", ["django.tasks", "django_tasks"])
@pytest.mark.parametrize("name", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_tasks_that_no_worker_takes_are_a_warning(package, name):
    backend = f"{package}.backends.{name}"
    message = found(DUMPER_ENGINE=TASKS, TASKS={"default": {"BACKEND": backend}})[
        "dumper_purge.W016"
    ]

    assert backend in message.msg
    assert "TASKS['default']" in message.hint


@pytest.mark.usefixtures("importable")
def test_tasks_without_a_setting_have_no_worker():
    assert "dumper_purge.W016" in found(DUMPER_ENGINE=TASKS)


@pytest.mark.usefixtures("importable")
def test_tasks_with_a_worker_and_other_engines_are_silent():
    tasks = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

    assert found(DUMPER_ENGINE=TASKS, TASKS=tasks) == {}
    assert found(DUMPER_ENGINE="dumper_purge.contrib.celery.hand_over") == {}
