"""A CDN that is purged by calls of its API.

A backend says which calls purge what: one method for each operation that its API has, marked with
:func:`~dumper_purge.backends.api.operation`, which returns a
:class:`~dumper_purge.transport.call.Call`. Batching, concurrency, rates, retries and escalation are
done here and by what delivers, alike for all.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from dumper_purge.backends.api.client import ApiClient
from dumper_purge.backends.api.option_problems import check_options
from dumper_purge.backends.api.purge import Purge
from dumper_purge.batch import PurgeBatch

__all__ = ["ApiBackend"]


@dataclass(frozen=True, kw_only=True)
class ApiBackend(ApiClient):
    """Purge by calls of an API. Times are in seconds.

    The operations are ``purge_urls``, ``purge_tags``, ``purge_prefixes``, ``purge_hosts``, which
    take a list, and ``purge_everything``. What a backend leaves out escalates to what it has.
    """

    method: Literal["tag", "url"] = "tag"
    """Purge tags, which covers all queries and variants of a page, or each URL."""
    soft: bool = False
    """Mark as stale instead of removing."""
    allow_everything: bool = True
    """Purge everything where nothing narrower exists; otherwise such a purge is rejected."""
    max_items: int = 10_000
    """The number of tags or URLs above which one purge is one of everything instead."""
    concurrency: int = 8
    """How many calls are made at the same time."""
    schemes: tuple[str, ...] = ("https",)
    """Those of the URLs, where the cache keeps one page for each."""

    tag_field: ClassVar[str | None] = None
    """The response header with the tags, where the method is ``tag``."""
    variants: ClassVar[frozenset[str] | None] = None
    """Members of Vary, in lower case, that the cache tells apart by itself; None: all."""
    soft_is_possible: ClassVar[bool] = False
    by_path: ClassVar[bool] = False
    """URLs and prefixes are purged as paths, on all hosts of the distribution."""
    covers_query: ClassVar[bool] = False
    """The purge of a URL purges all queries of its path."""
    prefixes_are_folders: ClassVar[bool] = False
    """A prefix ends in a slash."""
    repeat_default: ClassVar[float] = 2.0
    """What the vendor needs for the first purge, at least 2 s: no CDN waits for pages in flight."""

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        check_options(self)

    def fill_in(self, **values: object) -> None:
        """Give options that were left out the values that follow from others."""
        left_out = {field.name: field.default for field in fields(self)}
        for name, value in values.items():
            if getattr(self, name) == left_out[name]:
                object.__setattr__(self, name, value)

    @property
    def vary(self) -> tuple[str, ...] | None:
        """Further ones, which the user had it tell apart: an option of some backends. None: all."""
        return ()

    @property
    def honoured_vary(self) -> frozenset[str] | None:
        """The ``variants``, and those of ``vary``."""
        if self.variants is None or self.vary is None:
            return None
        return self.variants | frozenset(map(str.lower, self.vary))

    @property
    def tag_header(self) -> str | None:
        """The field of the tags where these are purged; otherwise none is sent."""
        return self.tag_field if self.method == "tag" else None

    @property
    def covers_queries(self) -> bool:
        """Tags cover all queries of a path."""
        return bool(self.tag_header) or self.covers_query

    @property
    def covers_ports(self) -> bool:
        """Tags cover all ports, but not what is purged by host beside them."""
        by_host = self.can("purge_hosts") or (self.can("purge_prefixes") and not self.by_path)
        return bool(self.tag_header) and not by_host

    def cost(self, batch: PurgeBatch) -> int:
        """Return the number of calls that are made at once."""
        return 0 if self.rate is None else len(Purge(self, batch).now)

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Make the calls that purge a batch, as many at once as the rate allows."""
        Purge(self, batch).carry_out()
