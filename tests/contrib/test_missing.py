"""An engine whose package is not installed says what to install."""

import sys
from importlib import import_module

import pytest
from django.core.exceptions import ImproperlyConfigured


def imported_without(monkeypatch, engine, *packages):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, engine, raising=False)
    with pytest.raises(ImproperlyConfigured) as caught:
        import_module(engine)
    return str(caught.value)


def test_without_celery_the_error_names_the_command(monkeypatch):
    message = imported_without(monkeypatch, "dumper_purge.contrib.celery", "celery")

    assert message.endswith('pip install "celery>=5.5".')


def test_without_django_tasks_the_error_names_the_command(monkeypatch):
    message = imported_without(
        monkeypatch, "dumper_purge.contrib.tasks", "django.tasks", "django_tasks"
    )

    assert message.endswith('pip install "django-tasks>=0.12".')
