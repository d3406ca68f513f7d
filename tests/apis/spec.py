"""What a vendor's documentation says, in the words of the contract test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.apis.server import Answer

HTML = Answer(200, "<html><title>Sign in</title></html>", {"Content-Type": "text/html"})
BAD_GATEWAY = Answer(502, "<html>Bad gateway</html>")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A vendor: how its backend is set up, and its documented answers."""

    name: str
    backend: str
    """The dotted path."""
    options: Mapping
    """The OPTIONS, with every secret, without ``base_url``."""
    secrets: tuple[str, ...]
    hosts: tuple[str, ...] = ("www.example.com",)
    purged: Callable
    """Is called with a request; returns what it asks to purge, as a set of (operation, name)."""
    done: Answer | Callable
    """The answer to a purge that is accepted, or a function of the request."""
    throttled: Answer
    throttled_for: float
    """Seconds that the throttled answer asks for."""
    too_big: Answer | None = None
    bad_item: Answer | None = None
    refused: tuple[Answer, ...] = ()
    """Wrong token, no right, no such zone: never tried again."""
    unconfirmed: tuple[Answer, ...] = (HTML,)
    """Answers of a good status that do not say that anything was purged."""
    transient: tuple[Answer, ...] = (Answer(500, "{}"), BAD_GATEWAY, Answer(503, "{}"))
    per_call: Mapping[str, int] = field(default_factory=dict)
    """The documented most items of a call, by operation."""
    extra_requests: Callable = lambda request: False
    """Tells requests that purge nothing, such as those for an access token."""
