"""The engine of the outbox, and whether a worker takes its tasks."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from dumper_purge import conf
from dumper_purge.checks.messages import error, warning
from dumper_purge.deliver.outbox import engines

__all__ = ["check_engine"]

_TASKS = "dumper_purge.contrib.tasks."
_IMMEDIATE = "django.tasks.backends.immediate.ImmediateBackend"


@register("dumper_purge")
def check_engine(**kwargs: Any) -> list[CheckMessage]:
    """Check that ``DUMPER_ENGINE`` can be imported, and that its tasks reach a worker."""
    if conf.problems() or conf.current().engine in {engines.INLINE, engines.WORKER}:
        return []
    engine = conf.current().engine
    try:
        if not callable(import_string(engine)):
            raise ImproperlyConfigured("what is there is no function.")
    except (ImportError, ImproperlyConfigured) as reason:
        hint = "Use 'inline', 'worker', or a path such as 'dumper_purge.contrib.celery.hand_over'."
        return [error(15, f"DUMPER_ENGINE = {engine!r} cannot be imported: {reason}", hint)]
    return list(_tasks_without_worker(engine))


def _tasks_without_worker(engine: str) -> Iterator[CheckMessage]:
    backend = getattr(settings, "TASKS", {}).get("default", {}).get("BACKEND", _IMMEDIATE)
    if engine.startswith(_TASKS) and backend.endswith(("ImmediateBackend", "DummyBackend")):
        yield warning(
            16,
            f"DUMPER_ENGINE = {engine!r} enqueues to {backend}, which has no worker.",
            "Name a backend with a worker in TASKS['default'], or set DUMPER_ENGINE = 'inline'.",
        )
