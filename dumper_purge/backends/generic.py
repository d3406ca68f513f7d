"""Any API or proxy that is purged over HTTP, by OPTIONS alone.

``operations`` has a template for each thing that can be purged: ``urls``, ``tags``, ``prefixes``,
``hosts``, ``everything``; :mod:`dumper_purge.backends.vendors.templates` says how they are written.
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

from requests import PreparedRequest
from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, Limits, wrong
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.vendors.template_problems import headers_problem, problem
from dumper_purge.backends.vendors.templates import Template
from dumper_purge.exceptions import PurgeError, Rejected
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


class _Secrets(AuthBase):
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __repr__(self) -> str:
        return f"<Secrets {', '.join(self._headers)}>"

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers.update(self._headers)
        return r


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
            raise wrong(self, option, problem)

    def _statuses_problem(self) -> str | None:
        known = all(isinstance(status, int) for status in self.statuses)
        if known and set(map(str, self.statuses.values())) <= _VERDICTS.keys():
            return None
        return f"= {self.statuses!r} must be like {{420: 'throttled'}}: {', '.join(_VERDICTS)}"

    @property
    def ttl_header(self) -> str:
        """The option ``ttl_field``."""
        return self.ttl_field

    @property
    def honoured_vary(self) -> frozenset[str] | None:
        """The option ``vary``."""
        return None if self.vary is None else frozenset(map(str.lower, self.vary))

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
        return _Secrets(self.secret_headers)

    def call(self, name: str, items: Sequence[str]) -> tuple[Verdict, PurgeError | None]:
        """Call an operation, unless an item would not stay in its place in the template."""
        reason = self._templates[name].unfit(items) if name != "purge_everything" else None
        if reason:
            return Verdict.BAD_ITEM, Rejected(
                f"{self.alias} cannot name {items[0]!r}: it {reason}."
            )
        return super().call(name, items)

    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Fill the template of URLs."""
        return self._templates["purge_urls"].fill(urls)

    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Fill the template of tags."""
        return self._templates["purge_tags"].fill(tags)

    def purge_prefixes(self, prefixes: Sequence[str]) -> Call:
        """Fill the template of prefixes."""
        return self._templates["purge_prefixes"].fill(prefixes)

    def purge_hosts(self, hosts: Sequence[str]) -> Call:
        """Fill the template of hosts."""
        return self._templates["purge_hosts"].fill(hosts)

    def purge_everything(self) -> Call:
        """Return the call that purges everything."""
        return self._templates["purge_everything"].fill(())

    def confirms(self, reply: Reply) -> bool:
        """Compare what the pointers show; a page of HTML is no confirmation."""
        if reply.text.lstrip().startswith("<"):
            return False
        return all(_at(reply.json, pointer) == value for pointer, value in self.confirm.items())

    def verdict(self, reply: Reply) -> Verdict:
        """Look the status up in the options first."""
        word = self.statuses.get(reply.status)
        return _VERDICTS[word] if word else super().verdict(reply)

    def wait(self, reply: Reply) -> str | None:
        """Read the header that the options name."""
        return reply.headers.get(self.wait_header)


def _at(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer shows; None if there is nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
