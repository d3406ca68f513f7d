"""Fastly: surrogate keys, 256 in a call.

Soft purges help only pages with ``ETag`` or ``Last-Modified``, or with ``DUMPER_GRACE``. A purge by
URL covers one query, and all variants, whatever ``Vary`` names. ``purge_all`` is never soft, so
that everything is purged by its key instead.

Source: https://www.fastly.com/documentation/reference/api/purging/
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.outcome import Verdict
from dumper_purge.transport.pooled import Call, Reply, Token

__all__ = ["FastlyBackend"]


@dataclass(frozen=True, kw_only=True)
class FastlyBackend(ApiBackend):
    """Purge one Fastly service; the token needs the scope ``purge_select`` (and ``purge_all``)."""

    service_id: str
    token: str = field(repr=False)
    staging: bool = False
    ttl_field: Literal["Surrogate-Control", "Cache-Control"] = "Surrogate-Control"
    """``Cache-Control`` where a cache behind Fastly strips the other."""
    base_url: str = "https://api.fastly.com"

    tag_field: ClassVar[str | None] = "Surrogate-Key"
    # A key named "status" would be answered in the place of the status.
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"(?!status$).+")
    max_tag_bytes: ClassVar[int] = 16_000
    strips: ClassVar[frozenset[str]] = frozenset({"surrogate-control", "surrogate-key"})
    reads: ClassVar[frozenset[str]] = frozenset({"surrogate-control"})
    soft_is_possible: ClassVar[bool] = True
    remedy: ClassVar[str] = "check service_id, and that the token is valid and may purge"

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what is no ID of a service."""
        if not self.service_id.isalnum():
            raise self.wrong("service_id", f"= {self.service_id!r} must be its ID, not its name")
        super().__post_init__()

    @property
    def ttl_header(self) -> str:
        """Fastly reads ``Surrogate-Control`` first, then ``s-maxage``."""
        return self.ttl_field

    def auth(self) -> AuthBase:
        """The token is only ever sent to the API, not to the edge."""
        return Token("Fastly-Key", self.token)

    @operation(items=256)
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge surrogate keys; more than 256 in a call are refused, and none is purged."""
        return self._call(f"/service/{self.service_id}/purge", {"surrogate_keys": list(tags)})

    @operation()
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge one URL; it is named without its scheme."""
        return self._call("/purge/" + urls[0].partition("://")[2])

    @operation()
    def purge_everything(self) -> Call:
        """Purge the whole service."""
        return self._call(f"/service/{self.service_id}/purge_all")

    def confirms(self, reply: Reply) -> bool:
        """Keys are answered with their purges' ids, URLs and everything with ``ok``."""
        return bool(reply.json) and reply.json.get("status", "ok") == "ok"

    def verdict(self, reply: Reply) -> Verdict:
        """Tell too many keys from a bad one."""
        if reply.status == 400 and "up to 256" in reply.text:
            return Verdict.TOO_BIG
        return super().verdict(reply)

    def _call(self, path: str, body: object = None) -> Call:
        headers = {"Fastly-Soft-Purge": "1"} if self.soft else {}
        if self.staging:
            headers["Fastly-Purge-Environment"] = "staging"
        return Call(path=path, json=body, headers=headers)
