"""The way out of this room: whoever delivers batches connects here."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.batch import PurgeBatch

__all__ = ["EntryRef", "Outlet", "connect", "outlet"]


class EntryRef(NamedTuple):
    """Where an entry of the outbox lies: the alias of its database, and its primary key."""

    using: str
    id: str


class Outlet(Protocol):
    """Takes batches of committed changes. Only :meth:`write` ever raises."""

    def has_outbox(self, using: str) -> bool:
        """Tell whether writes to this database are entered in an outbox."""

    def write(self, batch: PurgeBatch, using: str) -> EntryRef | None:
        """Enter a batch in the outbox of the database ``using``, in its current transaction.

        None where there is no outbox. Raises a database error that has broken the transaction.
        """

    def record(self, batch: PurgeBatch) -> bool:
        """Write the fence generations of a batch now; it is delivered later. False: they failed."""

    def deliver(
        self, batch: PurgeBatch, *, recorded: bool = False, entries: Sequence[EntryRef] = ()
    ) -> None:
        """Purge a batch everywhere, and close its entries in the outbox.

        ``recorded`` tells that :meth:`record` has had all of it.
        """


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
