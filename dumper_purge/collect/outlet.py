"""The way out of this room: whoever delivers batches connects here."""

from typing import Protocol

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.batch import PurgeBatch

__all__ = ["Outlet", "connect", "outlet"]


class Outlet(Protocol):
    """Takes batches of committed changes. Neither method ever raises."""

    def record(self, batch: PurgeBatch) -> None:
        """Write the fence generations of a batch now; it is delivered later."""

    def deliver(self, batch: PurgeBatch, *, recorded: bool = False) -> None:
        """Purge a batch everywhere; ``recorded`` if :meth:`record` has had all of it."""


_outlet: Outlet | None = None


def connect(outlet: Outlet) -> None:
    """Send every batch to ``outlet`` from now on."""
    global _outlet
    _outlet = outlet


def outlet() -> Outlet:
    """Return what was connected; raise ImproperlyConfigured if nothing was."""
    if _outlet is None:
        raise ImproperlyConfigured(
            "A registered model was written, but nothing delivers its purges: add 'dumper_purge'"
            " to INSTALLED_APPS, and write only after django.setup()."
        )
    return _outlet
