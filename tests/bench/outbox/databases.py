"""The databases that outboxes are measured in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.outbox.sites import Site, site
from tests.postgres import postgres_server

__all__ = ["POSTGRES", "SQLITE", "SQLITE_WAL", "site_on"]

SQLITE = "SQLite"
SQLITE_WAL = "SQLite with a WAL"
POSTGRES = "PostgreSQL"
_WAL = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}


@contextmanager
def site_on(name: str, *, durable: bool = True, **settings: Any) -> Iterator[Site]:
    """Yield a site whose database is new, in a file or in a server of its own."""
    if name == POSTGRES:
        with postgres_server(durable=durable) as database, site(database, **settings) as found:
            yield found
        return
    options = _WAL if name == SQLITE_WAL else {}
    with site({"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}, **settings) as found:
        yield found
