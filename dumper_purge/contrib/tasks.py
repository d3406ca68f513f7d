"""Django Tasks as the engine: ``DUMPER_ENGINE = "dumper_purge.contrib.tasks.hand_over"``.

``django.tasks`` from Django 6 on, before it the package ``django-tasks``. A task names a database
alias and the ids of entries, nothing else. If it cannot be enqueued, or a worker dies, the entries
are still in the outbox. Django Tasks has no schedule: each task therefore delivers after its own
entries what else is due, and a scheduler of the site's may enqueue :data:`sweep_outbox`.
"""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.deliver.sweep import carry_out, sweep

try:
    from django.tasks import task
except ModuleNotFoundError:
    try:
        from django_tasks import task  # type: ignore[no-redef]
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            "DUMPER_ENGINE is Django Tasks, which comes with Django 6."
            ' For Django 5.2: pip install "django-tasks>=0.12".'
        ) from error

__all__ = ["carry_out_entries", "hand_over", "sweep_outbox"]


@task
def carry_out_entries(using: str, ids: list[str]) -> None:
    """Deliver these entries, and what else is due."""
    carry_out(using, ids)
    sweep()


@task
def sweep_outbox() -> int:
    """Deliver what is due, and return the number of entries."""
    return sweep()


def hand_over(using: str, ids: Sequence[str]) -> None:
    """Enqueue a task for these entries of the database alias ``using``.

    Raises whatever the backend raises if it cannot; the outbox keeps the entries.
    """
    carry_out_entries.enqueue(using, list(ids))
