"""The sweep of a site that runs no worker: at the end of a request, now and then."""

from typing import Any

from django.core.signals import request_finished
from django.db import close_old_connections, connections

from dumper_purge.conf import current
from dumper_purge.deliver.carrying import riders, sweeper

__all__ = ["connect"]


def connect() -> None:
    """See at most every ``DUMPER_SWEEP_INTERVAL`` seconds what a process that died left behind."""
    request_finished.connect(_tick, dispatch_uid="dumper_purge.ticks")


def _tick(**kwargs: Any) -> None:
    riders.end_request()
    interval = current().sweep_interval
    if not interval or not sweeper.is_time(interval):
        return
    if not any(each.in_atomic_block for each in connections.all(initialized_only=True)):
        sweeper.look(interval)
        sweeper.discover()
        close_old_connections()
