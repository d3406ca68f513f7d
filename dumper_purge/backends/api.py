"""What the APIs of CDNs have in common.

A backend says which requests purge what: one method for each operation that its API has, marked
with :func:`operation`, which returns a :class:`~dumper_purge.transport.pooled.Call`. Batching,
concurrency, rates, retries and escalation are done here and by what delivers, alike for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeVar

from requests.auth import AuthBase

from dumper_purge.backends.api_options import check_options, secrets
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.outcome import Verdict, refusal, verdict_of
from dumper_purge.backends.planning import Item, Plan, planned
from dumper_purge.backends.sending import Sending, grouped
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError, Rejected, Transient, Unfinished
from dumper_purge.transport.pooled import Call, Reply, exchange

__all__ = ["ApiBackend", "operation"]

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
    """Seconds until the second purge: what the vendor needs for the first, at least 2."""
    needs: ClassVar[tuple[str, str] | None] = None
    """The module that signs the calls, and the extra of this package that brings it."""
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
        return Verdict.TRANSIENT if reply.status < 400 else verdict_of(reply.status)

    def wait(self, reply: Reply) -> str | None:
        """Return when to come again, in seconds or as a date, if the reply says so."""
        return reply.headers.get("Retry-After")

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

    def repeat_delay(self, batch: PurgeBatch) -> float:
        """Return when the second purge is due: no CDN waits for what is being fetched."""
        return self.repeat_default if self.repeat_after is None else self.repeat_after

    def cost(self, batch: PurgeBatch) -> int:
        """Return the number of calls that are made at once."""
        if self.rate is None:
            return 0
        return min(len(self._groups(planned(self, batch))), self.burst)

    @classmethod
    def can(cls, name: str) -> bool:
        """Tell whether the API has an operation."""
        return hasattr(getattr(cls, name, None), "limits")

    def limits(self, name: str) -> Limits:
        """Return what one call of an operation may hold."""
        limits: Limits = getattr(self, name).limits
        return limits

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Make the calls that purge a batch, as many at once as the rate allows."""
        plan = planned(self, batch)
        groups = self._groups(plan)
        allowed = len(groups) if self.rate is None else self.burst
        sending = Sending(self, groups[:allowed])
        sending.run()
        self._conclude(batch, plan, sending, groups[allowed:])

    def _groups(self, plan: Plan) -> list[list[Item]]:
        return list(grouped(self, list(plan.items)))

    def _conclude(
        self, batch: PurgeBatch, plan: Plan, sending: Sending, later: list[list[Item]]
    ) -> None:
        """Raise what went wrong, with what is left to be done."""
        unsent = {*sending.unsent, *(item for group in later for item in group)}
        left = self._behind(batch, unsent) | plan.impossible
        if sending.errors:
            transient = (error for error in sending.errors if isinstance(error, Transient))
            error = next(transient, sending.errors[0])
            error.left = left
            raise error
        if later and self.rate:
            wait = min(len(later), self.burst) / self.rate
            raise Unfinished(f"{len(later)} calls are left for later", wait=wait, left=left)
        if plan.impossible:
            raise Rejected(
                f"{self.alias} cannot purge {plan.impossible} exactly: set allow_everything to"
                " True, or purge something else.",
                left=left,
            )

    def _behind(self, batch: PurgeBatch, unsent: set[Item]) -> PurgeBatch:
        """Return the part of a batch that stands behind items; all of it if that is not sure."""
        if not unsent:
            return PurgeBatch()
        found, left = set(), PurgeBatch()
        for single in batch.singles():
            items = planned(self, single).items.keys() & unsent
            if items:
                found |= items
                left |= single
        return left if found == unsent else batch

    def call(self, name: str, items: Sequence[str]) -> tuple[Verdict, PurgeError | None]:
        """Call an operation; return what came of it, and the error unless it was done."""
        method = getattr(self, name)
        call: Call = method() if name == "purge_everything" else method(items)
        try:
            reply = self.ask(call)
        except Transient as error:
            return Verdict.TRANSIENT, Transient(f"{self.alias} {error}.")
        if reply.status in self.success and self.confirms(reply):
            return Verdict.DONE, None
        verdict = self.verdict(reply)
        said = f"{reply.status} {self._excerpt(reply.text)!r}"
        return verdict, refusal(
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
            text = text.replace(secret, "***")
        return " ".join(text.split())[:_EXCERPT]
