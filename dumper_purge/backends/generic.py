"""Any API or proxy that is purged over HTTP, by OPTIONS alone.

``operations`` has a template for each thing that can be purged: ``urls``, ``tags``, ``prefixes``,
``hosts``, ``everything``; :mod:`dumper_purge.backends.api.templates` says how they are written.
For KeyCDN, with spaces between its tags, and a call of 128 characters (drupal.org/node/2878035)::

    "OPTIONS": {
        "base_url": "https://api.keycdn.com",
        "secret_headers": {"Authorization": "Basic c2tfcHJvZF9rZXk6"},
        "operations": {
            "tags": {
                "method": "DELETE",
                "path": "/zones/purgetag/12345.json",
                "json": {"tags": "{items}"},
                "items": 100,
                "bytes": 128,
            },
            "everything": {"method": "GET", "path": "/zones/purge/12345.json"},
        },
        "confirm": {"/status": "success"},
        "tag_field": "Cache-Tag",
        "tag_separator": " ",
    }

What is not said is taken to be small: no ``Vary`` is honoured, a purge of a URL covers one query,
and an answer of HTML confirms nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, Limits
from dumper_purge.backends.api.template_problems import headers_problem, problem
from dumper_purge.backends.api.templates import Template
from dumper_purge.backends.outcome import Verdict
from dumper_purge.exceptions import PurgeError, Rejected
from dumper_purge.transport.credentials import SecretHeaders
from dumper_purge.transport.pooled import Call, Reply

__all__ = ["GenericHTTPBackend"]

_VERDICTS = {
    "throttled": Verdict.THROTTLED,
    "transient": Verdict.TRANSIENT,
    "too_big": Verdict.TOO_BIG,
    "bad_item": Verdict.BAD_ITEM,
    "refused": Verdict.REFUSED,
}
_TAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class GenericHTTPBackend(ApiBackend):
    """Purge by calls that are written in OPTIONS; ``base_url`` is required, too."""

    operations: Mapping[str, Any] = field(hash=False)
    """A template for each operation."""
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Headers of every call, such as ``{"Authorization": "Bearer ..."}``."""
    success: tuple[int, ...] = (200, 201, 202, 204)  # type: ignore[misc, assignment]
    confirm: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """JSON pointers (RFC 6901) into the answer, with what must be there."""
    statuses: Mapping[int, str] = field(default_factory=dict, hash=False)
    """What a status means: throttled, transient, too_big, bad_item, refused."""
    wait_header: str = "Retry-After"
    """Says in seconds, or as a date, when to come again."""
    ttl_field: str = "Cache-Control"
    """Where the TTL is read; any other than this one is for the cache alone."""
    tag_field: str | None = None  # type: ignore[misc]
    tag_separator: str = ","  # type: ignore[misc]
    tag_form: re.Pattern[str] = _TAG  # type: ignore[misc]
    """What a tag must be like as a whole; any other is sent as a hash."""
    max_tags: int = 1_000  # type: ignore[misc]
    max_tag_bytes: int = 8_000  # type: ignore[misc]
    vary: tuple[str, ...] | None = ()
    """Request headers it keeps variants for; None: all."""
    covers_query: bool = False  # type: ignore[misc]
    by_path: bool = False  # type: ignore[misc]
    """Paths are purged, on all hosts at once."""
    prefixes_are_folders: bool = False  # type: ignore[misc]
    """Prefixes are cut at their last slash."""

    variants: ClassVar[frozenset[str] | None] = frozenset()
    repeat_default: ClassVar[float] = 5.0
    remedy: ClassVar[str] = "check base_url, operations and secret_headers"

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        for name, option in self.operations.items():
            found = problem(name, option, by_path=self.by_path)
            self._refuse("operations", found and f"for {name!r} {found}")
        needed = "tags" if self.method == "tag" else "urls"
        if needed not in self.operations:
            self._refuse("operations", f"must have {needed!r}, since the method is {self.method!r}")
        if self.method == "tag" and not self.tag_field:
            self._refuse("tag_field", "must name the response header that tags are read from")
        self._refuse("secret_headers", headers_problem(self.secret_headers))
        self._refuse("statuses", self._statuses_problem())
        if not all(str(pointer).startswith("/") for pointer in self.confirm):
            self._refuse("confirm", f"= {self.confirm!r} must have keys like '/status'")
        super().__post_init__()

    def _refuse(self, option: str, problem: str | None) -> None:
        if problem:
            raise self.wrong(option, problem)

    def _statuses_problem(self) -> str | None:
        known = all(isinstance(status, int) for status in self.statuses)
        if known and set(map(str, self.statuses.values())) <= _VERDICTS.keys():
            return None
        return f"= {self.statuses!r} must be like {{420: 'throttled'}}: {', '.join(_VERDICTS)}"

    @property
    def ttl_header(self) -> str:
        """The option ``ttl_field``."""
        return self.ttl_field

    @cached_property
    def _templates(self) -> dict[str, Template]:
        return {f"purge_{name}": Template(**option) for name, option in self.operations.items()}

    def can(self, name: str) -> bool:
        """Tell whether the options have an operation."""
        return name in self._templates

    def limits(self, name: str) -> Limits:
        """Return what one call of an operation may hold."""
        template = self._templates[name]
        return Limits(template.items, template.bytes)

    def auth(self) -> AuthBase:
        """The secret headers."""
        return SecretHeaders(self.secret_headers)

    def call(self, name: str, items: Sequence[str]) -> tuple[Verdict, PurgeError | None]:
        """Call an operation, unless an item would not stay in its place in the template."""
        reason = self._templates[name].unfit(items) if name != "purge_everything" else None
        if reason:
            return Verdict.BAD_ITEM, Rejected(
                f"{self.alias} cannot name {items[0]!r}: it {reason}."
            )
        return super().call(name, items)

    def call_for(self, name: str, items: Sequence[str]) -> Call:
        """Fill the template of an operation."""
        return self._templates[name].fill(() if name == "purge_everything" else items)

    def confirms(self, reply: Reply) -> bool:
        """Compare what the pointers show; a page of HTML is no confirmation."""
        if reply.text.lstrip().startswith("<"):
            return False
        return all(reply.at(pointer) == value for pointer, value in self.confirm.items())

    def verdict(self, reply: Reply) -> Verdict:
        """Look the status up in the options first."""
        word = self.statuses.get(reply.status)
        return _VERDICTS[word] if word else super().verdict(reply)

    def wait(self, reply: Reply) -> str | None:
        """Read the header that the options name."""
        return reply.headers.get(self.wait_header)
