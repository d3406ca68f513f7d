"""What the APIs of CDNs have in common.

A backend says which requests purge what: one method for each operation that its API has, marked
with :func:`operation`, which returns a :class:`~dumper_purge.transport.pooled.Call`. Batching,
concurrency, rates, retries and escalation are done here and by what delivers, alike for all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from requests.auth import AuthBase

from dumper_purge.backends.api.options import check_options, secrets, shapes
from dumper_purge.backends.api.run import Run
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.outcome import Verdict, api_failure, verdict_of
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError, Transient
from dumper_purge.transport.pooled import Call, Reply, exchange

__all__ = ["ApiBackend", "Limits", "operation"]

_EXCERPT = 200

_Operation = TypeVar("_Operation", bound=Callable[..., Call])


class Limits(NamedTuple):
    """What one call may hold: so many items, and so many bytes of them and what stands between."""

    items: int
    bytes: int
    bytes_between: int = 4


def operation(*, items: int = 1, bytes: int = 1_000_000) -> Callable[[_Operation], _Operation]:
    """Mark a method as an operation of the API that takes so many items, or bytes of them."""

    def mark(method: _Operation) -> _Operation:
        method.limits = Limits(items, bytes)  # type: ignore[attr-defined]
        return method

    return mark


@dataclass(frozen=True, kw_only=True)
class ApiBackend(BaseBackend):
    """Purge by calls of an API. Times are in seconds.

    The operations are ``purge_urls``, ``purge_tags``, ``purge_prefixes``, ``purge_hosts``, which
    take a list, and ``purge_everything``. What a backend leaves out escalates to what it has.
    """

    base_url: str
    """Where the API is; another one for tests and proxies."""
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
    connect_timeout: float = 3.0
    read_timeout: float = 10.0

    tag_field: ClassVar[str | None] = None
    """The response header with the tags, where the method is ``tag``."""
    soft_is_possible: ClassVar[bool] = False
    by_path: ClassVar[bool] = False
    """URLs and prefixes are purged as paths, on all hosts of the distribution."""
    covers_query: ClassVar[bool] = False
    """The purge of a URL purges all queries of its path."""
    prefixes_are_folders: ClassVar[bool] = False
    """A prefix ends in a slash."""
    success: ClassVar[frozenset[int]] = frozenset({200})
    repeat_default: ClassVar[float] = 2.0
    """What the vendor needs for the first purge, at least 2 s: no CDN waits for pages in flight."""
    says: ClassVar[Mapping[str, Verdict]] = {}
    """What a reply means that confirms nothing and matches a regular expression, of any status."""
    needs: ClassVar[tuple[str, str] | None] = None
    """The vendor's module that signs or makes the calls, and the extra of ours that brings it."""
    remedy: ClassVar[str] = "check OPTIONS"
    """What the user can do about a refusal."""

    def auth(self) -> AuthBase | None:
        """Return what puts the secret into a request."""
        return None

    def confirms(self, reply: Reply) -> bool:
        """Tell whether a reply of a successful status says that the purge was accepted."""
        return True

    def verdict(self, reply: Reply) -> Verdict:
        """Return what a reply means; only called where it is no confirmed success."""
        said = (verdict for words, verdict in self.says.items() if re.search(words, reply.text))
        by_status = Verdict.TRANSIENT if reply.status < 400 else verdict_of(reply.status)
        return next(said, by_status)

    def wait(self, reply: Reply) -> str | None:
        """Return when to come again, in seconds or as a date, if the reply says so."""
        return reply.headers.get("Retry-After")

    def words(self, reply: Reply) -> str:
        """Return what a reply says, whose beginning is shown in an error."""
        return reply.text

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        check_options(self)

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
        return 0 if self.rate is None else len(Run(self, batch).now)

    def can(self, name: str) -> bool:
        """Tell whether the API has an operation."""
        return hasattr(getattr(self, name, None), "limits")

    def limits(self, name: str) -> Limits:
        """Return what one call of an operation may hold."""
        limits: Limits = getattr(self, name).limits
        return limits

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Make the calls that purge a batch, as many at once as the rate allows."""
        Run(self, batch).carry_out()

    def call(self, name: str, items: Sequence[str]) -> tuple[Verdict, PurgeError | None]:
        """Call an operation; return what came of it, and the error unless it was done."""
        method = getattr(self, name)
        call: Call = method() if name == "purge_everything" else method(items)
        try:
            reply = self.ask(call)
        except Transient as error:
            return Verdict.TRANSIENT, Transient(f"{self.alias} {error}.")
        return self._judged(reply)

    def read(self, call: Call) -> dict[str, Any]:
        """Return what answers a call that changes nothing; raise Transient or Rejected if none."""
        try:
            reply = self.ask(call)
        except Transient as error:
            raise Transient(f"{self.alias} {error}.") from error
        _, failed = self._judged(reply)
        if failed is not None:
            raise failed
        return reply.json

    def _judged(self, reply: Reply) -> tuple[Verdict, PurgeError | None]:
        if reply.status in self.success and self.confirms(reply):
            return Verdict.DONE, None
        verdict = self.verdict(reply)
        said = f"{reply.status} {self._excerpt(self.words(reply))!r}"
        return verdict, api_failure(
            self.alias, verdict, said, wait=self.wait(reply), remedy=self.remedy
        )

    def ask(self, call: Call) -> Reply:
        """Make one request; raise Transient if no whole reply came."""
        return exchange(
            call,
            self.base_url,
            auth=self.auth(),
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
        )

    def _excerpt(self, text: str) -> str:
        """Return the beginning of what an API said, which may repeat the secret it was sent."""
        for secret in secrets(self):
            for shape in shapes(secret):
                text = text.replace(shape, "***")
        return " ".join(text.split())[:_EXCERPT]
