"""What is compared with must not pay for dumper_purge being installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.signals import request_finished, request_started
from django.dispatch import Signal

from tests.bench.measure import Subject

__all__ = ["without_dumper"]


def without_dumper(subject: Subject) -> Subject:
    """Return the subject without our receivers of the request's signals."""

    def run() -> float:
        with _without(request_started), _without(request_finished):
            return subject()

    return run


@contextmanager
def _without(signal: Signal) -> Iterator[None]:
    receivers = signal.receivers
    signal.receivers = [receiver for receiver in receivers if not _is_ours(receiver[1]())]
    signal.sender_receivers_cache.clear()
    try:
        yield
    finally:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


def _is_ours(receiver: object) -> bool:
    return getattr(receiver, "__module__", "").startswith("dumper_purge.")
