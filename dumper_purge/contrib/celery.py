"""Celery as the engine: ``DUMPER_ENGINE = "dumper_purge.contrib.celery.hand_over"``.

A message names a database alias and the ids of entries, nothing else. If the broker is down, or a
worker dies, the entries are still in the outbox, and the periodic task of :data:`BEAT` finds them.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.conf import current
from dumper_purge.deliver.sweep import carry_out, sweep

try:
    from celery import shared_task  # type: ignore[import-untyped]
    from kombu.pools import producers
except ModuleNotFoundError as error:
    raise ImproperlyConfigured(
        'DUMPER_ENGINE is Celery, which is not installed: pip install "celery>=5.5".'
    ) from error

__all__ = ["BEAT", "carry_out_task", "hand_over", "sweep_task"]

# No retries of Celery's own: the outbox knows when each node's next attempt is due.
_OPTIONS = {"acks_late": True, "ignore_result": True}

carry_out_task: Any = shared_task(carry_out, name="dumper_purge.carry_out", **_OPTIONS)
sweep_task: Any = shared_task(sweep, name="dumper_purge.sweep", **_OPTIONS)

# It expires, so that those of a night without workers are not all carried out in the morning.
BEAT: dict[str, dict[str, Any]] = {
    "dumper_purge.sweep": {
        "task": "dumper_purge.sweep",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    }
}
"""For ``app.conf.beat_schedule.update(BEAT)``: what is due is delivered every 10 seconds."""

_SHORTEST = 0.1
_TIMEOUTS = {
    "amqp": ("read_timeout", "write_timeout"),
    "redis": ("socket_connect_timeout", "socket_timeout"),
}


def hand_over(using: str, ids: Sequence[str]) -> None:
    """Publish a message for these entries of the database alias ``using``.

    Each step towards an AMQP or Redis broker may take ``DUMPER_INLINE_BUDGET`` seconds. Raises
    Celery's ``OperationalError`` if the broker cannot be reached; the outbox keeps the entries.
    """
    timeout = max(current().inline_budget, _SHORTEST)
    connection = _connection(timeout)
    with producers[connection].acquire(block=True, timeout=timeout) as producer:
        carry_out_task.apply_async((using, list(ids)), producer=producer, retry=False)


def _connection(timeout: float) -> Any:
    """Return one like the app's own, which by itself may block a save for ever.

    kombu tries for 4 s to connect, whatever ``retry`` says, and waits endlessly for a Redis that
    does not answer.
    """
    connection = carry_out_task.app.connection_for_write(connect_timeout=timeout)
    driver = connection.get_transport_cls().driver_type
    connection.transport_options.update(
        dict.fromkeys(_TIMEOUTS.get(driver, ()), timeout),
        max_retries=max(len(connection.alt) - 1, 0),
    )
    return connection
