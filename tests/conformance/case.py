"""One case: a page of its own at the origin, and a visitor who asks a proxy for it."""

import http.client
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from email.message import Message

from tests.conformance.origin import Answer, Asked, Origin, Rule

__all__ = ["HOST", "Case", "Reply"]

HOST = "www.example.com"
TIMEOUT = 20


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a visitor got."""

    status: int
    headers: Message
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers.get(name, "")


class Case:
    """A page that no other case asks for."""

    def __init__(self, origin: Origin, port: int, path: str) -> None:
        self.path = path
        self._origin = origin
        self._port = port

    def answers(self, *rules: Rule) -> None:
        """Let the origin answer so, in this order; the last answer is repeated."""
        self._origin.rules[self.path] = list(rules)

    def says(self, *headers: tuple[str, str], status: int = 200) -> None:
        """Let the origin always answer with these headers."""
        self.answers(Answer(status=status, headers=headers))

    @property
    def asked(self) -> Sequence[Asked]:
        """What has reached the origin so far."""
        return self._origin.asked.get(self.path, [])

    def ask(
        self,
        *headers: tuple[str, str],
        method: str = "GET",
        target: str = "",
        host: str = HOST,
        body: bytes | None = None,
    ) -> Reply:
        """Ask the proxy for the page."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)) as line:
            line.putrequest(method, target or self.path, skip_host=True, skip_accept_encoding=True)
            line.putheader("Host", host)
            for name, value in headers:
                line.putheader(name, value)
            line.endheaders(body)
            response = line.getresponse()
            body = response.read()
            return Reply(status=response.status, headers=response.headers, body=body)

    def is_stored(self, *headers: tuple[str, str]) -> bool:
        """Ask twice; tell whether the second answer is the first one."""
        first, second = self.ask(*headers), self.ask(*headers)
        return len(self.asked) == 1 and (first.status, first.body) == (second.status, second.body)
