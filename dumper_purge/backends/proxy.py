"""What the proxies have in common that take one PURGE for each URL.

A PURGE covers one query and, with the configurations of this package, all variants of a URL. None
waits for a page that is being fetched: each purge is sent once more after two seconds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.escalation import places, url_host
from dumper_purge.backends.location import check_location
from dumper_purge.backends.outcome import failure, worst
from dumper_purge.backends.rehearsal import refusals
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError, Rejected
from dumper_purge.paths import url_path
from dumper_purge.transport.grammar import FIELD_VALUE, TOKEN
from dumper_purge.transport.pipelined import Answer, Node, Request, pipeline

__all__ = ["ProxyBackend"]


class _Purge(NamedTuple):
    """A request, and what it is for: the place of a URL, or None for what is broader."""

    request: Request
    place: tuple[str, str] | None


@dataclass(frozen=True, kw_only=True)
class ProxyBackend(BaseBackend):
    """Purge one or several proxies; ``LOCATION`` is a list such as ``["http://10.0.0.5:8081"]``.

    Times are in seconds. ``repeat_after``: None is 2 s, 0 is never.
    """

    token: str = field(repr=False)
    """The secret that the proxy asks for; "" where its addresses alone protect it."""
    header: str = "Dumper-Token"
    """The request header that the token is sent in."""
    connect_timeout: float = 1.0
    read_timeout: float = 5.0
    bypasses_session_cookie: bool = True

    repeat_default: ClassVar[float] = 2.0
    remedy: ClassVar[str] = "check LOCATION and OPTIONS"
    """What the user can do about a refusal."""
    instead: ClassVar[str] = "name paths or URLs"
    """What the user can do where something broader than URLs is to be purged."""

    def requests_for(self, host: str, path: str) -> Iterator[Request]:
        """Yield what purges one URL."""
        raise NotImplementedError

    def confirms(self, answer: Answer) -> bool:
        """Tell whether an answer says, in the words of this proxy, that the URL is not stored."""
        raise NotImplementedError

    def beginnings(self, batch: PurgeBatch) -> tuple[frozenset[str], PurgeBatch]:
        """Return what is to be purged together with all that begins so, and what cannot be."""
        return frozenset(), _broad(batch)

    def requests_for_beginning(self, host: str, beginning: str) -> Iterator[Request]:
        """Yield what purges every URL that begins so, where :meth:`beginnings` returns any."""
        raise NotImplementedError

    def reason(self, answer: Answer) -> str:
        """Return what an answer says besides its status."""
        return answer.reason

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        if not FIELD_VALUE.fullmatch(self.token):
            raise self.wrong("token", "must be printable ASCII, with no space at its ends")
        if not TOKEN.fullmatch(self.header):
            raise self.wrong("header", f"= {self.header!r} is no name of a header")
        for name in ("connect_timeout", "read_timeout"):
            if getattr(self, name) <= 0:
                raise self.wrong(name, f"= {getattr(self, name)!r} must be above 0")
        check_location(self, "http://127.0.0.1:8081")
        if not self.hosts:
            raise self.wrong("hosts", "must list the site's hosts: a PURGE names one URL")

    @property
    def honoured_vary(self) -> frozenset[str] | None:
        """Every page is fetched with the same ``Accept-Encoding``, and stored once."""
        return frozenset({"accept-encoding"})

    @property
    def covers_queries(self) -> bool:
        """Each query of a path is a URL of its own."""
        return False

    def findings(self) -> Iterator[str]:
        """Have every node purge a page that does not exist."""
        return refusals(self)

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Send all requests at once, pipelined over one connection."""
        beginnings, impossible = self.beginnings(batch)
        purges = list(self._purges(batch, beginnings))
        failed = [
            (purge, answer)
            for purge, answer in zip(purges, self._exchange(purges, node), strict=True)
            if not self.confirms(answer)
        ]
        left = _behind(batch, {purge.place for purge, _ in failed}) | impossible
        if failed:
            raise self._failure(node, [answer for _, answer in failed], left)
        if impossible:
            raise Rejected(f"{self.alias} cannot purge {impossible}: {self.instead}.", left=left)

    def headers(self, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """Return the header of the token, and more."""
        return ((self.header, self.token), *more) if self.token else more

    def _purges(self, batch: PurgeBatch, beginnings: Iterable[str]) -> Iterator[_Purge]:
        for host, path in places(batch, self.hosts):
            for request in self.requests_for(host, path):
                yield _Purge(request, (host, path))
        for beginning in sorted(beginnings):
            for host in self.hosts:
                for request in self.requests_for_beginning(host, beginning):
                    yield _Purge(request, None)

    def _exchange(self, purges: Sequence[_Purge], node: str) -> list[Answer]:
        return pipeline(
            Node.parse(node),
            [purge.request for purge in purges],
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
        )

    def _failure(self, node: str, answers: Sequence[Answer], left: PurgeBatch) -> PurgeError:
        """Return the error for the answers that are no success; one that may pass counts most."""
        errors = [
            failure(
                f"{self.alias} at {node}",
                answer.status,
                self.reason(answer),
                wait=answer.header("retry-after"),
                remedy=self.remedy,
            )
            for answer in {answer.status: answer for answer in answers}.values()
        ]
        error = worst(errors)
        error.left = left
        return error


def _behind(batch: PurgeBatch, failed: set[tuple[str, str] | None]) -> PurgeBatch:
    """Return the part of a batch that stands behind the places of requests."""
    paths = {place[1] for place in failed if place is not None}
    return PurgeBatch(
        paths=batch.paths & paths,
        urls=frozenset(url for url in batch.urls if (url_host(url), url_path(url)) in failed),
    ) | (_broad(batch) if None in failed else PurgeBatch())


def _broad(batch: PurgeBatch) -> PurgeBatch:
    """Return what is no URL."""
    return replace(batch, paths=frozenset(), urls=frozenset())
