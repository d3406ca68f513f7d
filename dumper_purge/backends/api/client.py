"""An API: what it can be asked, and what its answers mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from requests.auth import AuthBase

from dumper_purge.backends.api.operations import Limits
from dumper_purge.backends.api.secrets import masked
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.outcome import Verdict, api_failure, verdict_of
from dumper_purge.exceptions import PurgeError, Transient
from dumper_purge.transport.pooled import Call, Reply, exchange

__all__ = ["ApiClient"]

_EXCERPT = 200


@dataclass(frozen=True, kw_only=True)
class ApiClient(BaseBackend):
    """Call the operations of an API, and judge what it answers. Times are in seconds."""

    base_url: str
    """Where the API is; another one for tests and proxies."""
    connect_timeout: float = 3.0
    read_timeout: float = 10.0

    success: ClassVar[frozenset[int]] = frozenset({200})
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

    def can(self, name: str) -> bool:
        """Tell whether the API has an operation."""
        return hasattr(getattr(self, name, None), "limits")

    def limits(self, name: str) -> Limits:
        """Return what one call of an operation may hold."""
        limits: Limits = getattr(self, name).limits
        return limits

    def call_for(self, name: str, items: Sequence[str]) -> Call:
        """Return the call that carries out an operation."""
        method = getattr(self, name)
        call: Call = method() if name == "purge_everything" else method(items)
        return call

    def call(self, name: str, items: Sequence[str]) -> tuple[Verdict, PurgeError | None]:
        """Call an operation; return what came of it, and the error unless it was done."""
        try:
            reply = self.ask(self.call_for(name, items))
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
        return " ".join(masked(self, text).split())[:_EXCERPT]
