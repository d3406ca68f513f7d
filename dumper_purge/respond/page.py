"""The page that is being built, as the code that builds it describes it."""

from contextvars import ContextVar
from datetime import datetime

__all__ = ["Page", "current_page"]


class Page:
    """What was said about one response: its tags, its lifetimes, whether it may be stored.

    The middleware makes one for each request; whatever runs in the request's context, be it in
    another thread or task, adds to the same object.
    """

    __slots__ = ("browser_ttl", "expires", "grace", "never", "query", "spoiled", "tags", "ttl")

    def __init__(self) -> None:
        self.tags: set[str] = set()
        self.spoiled = ""
        self.never = False
        self.ttl: int | None = None
        self.browser_ttl: int | None = None
        self.grace: int | None = None
        self.query: frozenset[str] | None = None
        self.expires: datetime | None = None


current_page: ContextVar[Page | None] = ContextVar("dumper_purge.page", default=None)
