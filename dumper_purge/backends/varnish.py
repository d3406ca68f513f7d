"""Varnish with the VCL of this package (``vcl/``).

``method="xkey"`` purges tags (``dumper_xkey.vcl``): all hosts, queries and variants of thousands of
paths in a few requests. ``method="purge"`` needs no vmod but one request per URL. ``method="ban"``
is for a few broad purges, since every ban costs each later lookup of an object some time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar, Literal

from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.escalation import is_folder, joined, places, regexes_by_host
from dumper_purge.backends.location import check_location
from dumper_purge.backends.outcome import failure, worst
from dumper_purge.backends.rehearsal import refusals
from dumper_purge.batch import PurgeBatch, purged_tags
from dumper_purge.exceptions import PurgeError, Rejected
from dumper_purge.transport.grammar import VISIBLE
from dumper_purge.transport.pipelined import Answer, Node, Request, pipeline

__all__ = ["VarnishBackend"]

_LINE = 7_000
"""The longest header; varnishd takes 8 KiB (``http_req_hdr_len``)."""
_LINES_PER_REQUEST = 3
"""So many of them; varnishd takes 32 KiB of a request (``http_req_size``)."""
_MAX_BANS = 100
"""More in one purge are one ban of everything."""
_EVERY_PATH = "^/"
_OURS = frozenset({"Purged", "Banned"})
_REMEDY = (
    "check that OPTIONS['token'] is the one in its VCL, that the ACL dumper_purgers has this"
    " machine's address, and that vcl/dumper.vcl is included"
    " (with dumper_xkey.vcl for the method 'xkey')"
)


@dataclass(frozen=True, kw_only=True)
class VarnishBackend(BaseBackend):
    """Purge one or several varnishd; ``LOCATION`` is a list such as ``["http://10.0.0.5:6081"]``.

    Times are in seconds. ``repeat_after``: None is 2 s for whatever cannot wait for the fetches in
    flight (tags and bans), 0 is never.
    """

    token: str = field(repr=False)
    method: Literal["purge", "xkey", "ban"] = "purge"
    soft: bool = False
    """Keep what is purged for ``stale-if-error``; bans are never soft."""
    allow_everything: bool = True
    """Purge everything where nothing narrower exists; otherwise such a purge is rejected."""
    max_urls: int = 10_000
    """The number of URLs above which one purge bans instead."""
    connect_timeout: float = 1.0
    read_timeout: float = 5.0
    wait_timeout: float = 30.0
    """How long the waiting PURGE may wait for a page that is being rendered."""
    query_variants: bool = False
    """Whether the VCL includes ``dumper_variants.vcl``, as a rendered one does, so that a PURGE of
    a path covers its declared queries. Without it, set, pages with a query would stay old."""
    bypasses_session_cookie: bool = True

    repeat_default: ClassVar[float] = 2.0
    ttl_header: ClassVar[str | None] = "Surrogate-Control"
    elapsed_header: ClassVar[str | None] = "Dumper-Elapsed"
    strips: ClassVar[frozenset[str]] = frozenset({"surrogate-control", "xkey"})

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        if not VISIBLE.fullmatch(self.token):
            raise self.wrong("token", "must be printable ASCII without a space")
        check_location(self, "http://127.0.0.1:6081")
        if self.method == "purge" and not self.hosts:
            raise self.wrong("hosts", "must list the site's hosts: a PURGE names one URL")
        for name in ("connect_timeout", "read_timeout", "wait_timeout", "max_urls"):
            if getattr(self, name) <= 0:
                raise self.wrong(name, "must be above 0")

    @property
    def tag_header(self) -> str | None:
        """``xkey`` where tags are purged; otherwise none is sent."""
        return "xkey" if self.method == "xkey" else None

    @property
    def covers_queries(self) -> bool:
        """Tags and bans kill all queries of a path; a PURGE does where they are its variants."""
        return self.method != "purge" or self.query_variants

    @property
    def waits_for_fetches(self) -> bool:
        """Only a PURGE of a URL can wait."""
        return self.method == "purge"

    def repeat_delay(self, batch: PurgeBatch) -> float:
        """Return 0 where the waiting PURGE covers all of ``batch``, unless OPTIONS say more."""
        waits = self.method == "purge" and not self._banned(batch)
        return 0 if waits and self.repeat_after is None else super().repeat_delay(batch)

    def findings(self) -> Iterator[str]:
        """Have every node purge a page that does not exist."""
        return refusals(self)

    def send(self, batch: PurgeBatch, node: str) -> None:
        """Send all requests at once, pipelined over one connection."""
        self._exchange(list(self.requests(batch)), node, self.read_timeout)
        if batch.tags and not (batch.everything or self.allow_everything or self.tag_header):
            raise Rejected(
                f"{self.alias} cannot purge tags with method {self.method!r}: use 'xkey', or set"
                " allow_everything to True."
            )

    def settle(self, batch: PurgeBatch, node: str) -> bool:
        """Send the waiting PURGE for each URL, which returns when nothing old is in flight."""
        if not self._purged_by_url(batch):
            return False
        how = "soft, wait" if self.soft else "wait"
        self._exchange(list(self._purges(batch, how)), node, self.wait_timeout)
        return True

    def requests(self, batch: PurgeBatch) -> Iterator[Request]:
        """Yield what purges a batch."""
        if self.method == "xkey":
            yield from self._key_purges(batch)
        elif self._purged_by_url(batch):
            yield from self._purges(batch, "soft" if self.soft else "")
        yield from self._bans(self._banned(batch))

    def _purged_by_url(self, batch: PurgeBatch) -> bool:
        count = len(batch.paths) * len(self.hosts) + len(batch.urls)
        return self.method == "purge" and 0 < count <= self.max_urls

    def _banned(self, batch: PurgeBatch) -> PurgeBatch:
        """Return what no PURGE can name."""
        if self.method == "xkey":
            if batch.everything:
                return PurgeBatch()
            loose = frozenset(prefix for prefix in batch.prefixes if not is_folder(prefix))
            return PurgeBatch(prefixes=loose, patterns=batch.patterns)
        if batch.everything or (batch.tags and self.allow_everything):
            return PurgeBatch(everything=True)
        if self._purged_by_url(batch):
            return PurgeBatch(prefixes=batch.prefixes, patterns=batch.patterns)
        return replace(batch, tags=frozenset())

    def _purges(self, batch: PurgeBatch, how: str) -> Iterator[Request]:
        headers = self._headers(("Dumper-Purge", how)) if how else self._headers()
        for host, path in places(batch, self.hosts):
            yield Request(method="PURGE", target=path, host=host, headers=headers)

    def _key_purges(self, batch: PurgeBatch) -> Iterator[Request]:
        folders = frozenset(prefix for prefix in batch.prefixes if is_folder(prefix))
        keys = purged_tags(replace(batch, prefixes=folders, patterns=frozenset()))
        name = "xkey-softpurge" if self.soft else "xkey-purge"
        lines = joined(sorted(keys), " ", _LINE)
        while some := tuple(islice(lines, _LINES_PER_REQUEST)):
            yield self._to_all("PURGE", *((name, line) for line in some))

    def _bans(self, batch: PurgeBatch) -> Iterator[Request]:
        if batch.everything:
            yield self._to_all("BAN", ("Dumper-Ban-Path", _EVERY_PATH))
            return
        bans = list(regexes_by_host(batch, self.hosts, _LINE))
        if len(bans) > _MAX_BANS and self.allow_everything:
            yield from self._bans(PurgeBatch(everything=True))
            return
        for host, regex in bans:
            named = [("Dumper-Ban-Host", host)] if host else []
            yield self._to_all("BAN", ("Dumper-Ban-Path", regex), *named)

    def _to_all(self, method: str, *headers: tuple[str, str]) -> Request:
        host = self.hosts[0] if self.hosts else "localhost"
        return Request(method=method, target="/", host=host, headers=self._headers(*headers))

    def _headers(self, *headers: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        return (("Dumper-Token", self.token), *headers)

    def _exchange(self, requests: list[Request], node: str, timeout: float) -> None:
        answers = pipeline(
            Node.parse(node),
            requests,
            connect_timeout=self.connect_timeout,
            read_timeout=timeout,
        )
        failed = {answer.status: answer for answer in answers if not _done(answer)}
        if failed:
            raise worst([self._failure(node, answer) for answer in failed.values()])

    def _failure(self, node: str, answer: Answer) -> PurgeError:
        wait = answer.header("retry-after")
        who = f"{self.alias} at {node}"
        return failure(who, answer.status, answer.reason, wait=wait, remedy=_REMEDY)


def _done(answer: Answer) -> bool:
    """Tell success in the words of our VCL; a 404 may be Django's, behind another VCL."""
    return answer.status == 200 and answer.reason in _OURS
