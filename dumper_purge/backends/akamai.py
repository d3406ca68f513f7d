"""Akamai: Fast Purge v3, by cache tags, 500 in a call.

A purge by tag covers all hosts, queries and variants; one by URL covers one query, and both
schemes. ``soft`` invalidates: the page is asked for again with ``If-Modified-Since`` (one that
changed twice within the second of its ``Last-Modified`` then stays old), and the old one is shown
while the site is down. An account gets 500 tags back in a minute, and has 5,000 at most: more than
``max_items`` are one purge of everything.

What spoils it, in the property: *Caching* other than "Honor origin Cache-Control" with ``no-store``
and ``private`` honoured, which stores what must not be stored; *Force revalidation of stale
objects* off, which shows old pages while the site is down; *Cache Key Query Parameters* that leave
out one of ``DUMPER_QUERY_PARAMETERS``; *Remove Vary Header*, which mixes variants. Without that,
nothing is stored that varies on more than ``Accept-Encoding``; with it, and the header in the cache
ID, name the header in ``vary``. An answer of 304 brings no new tags.

Sources: https://techdocs.akamai.com/purge-cache/reference/rate-limiting,
https://techdocs.akamai.com/purge-cache/docs/purge-content-cache-tag,
https://techdocs.akamai.com/property-mgr/docs/rm-vary-header,
https://techdocs.akamai.com/property-mgr/docs/know-caching. What ``Edge-Control`` looks like is
taken from responses of sites behind Akamai: where the property does not go by it, set ``ttl_field``
to ``Cache-Control``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from requests.auth import AuthBase

from dumper_purge.backends.api import ApiBackend, operation
from dumper_purge.backends.outcome import Verdict
from dumper_purge.backends.vendors.akamai_signer import Signer, check
from dumper_purge.paths import EVERYTHING
from dumper_purge.transport.pooled import Call, Reply

__all__ = ["AkamaiBackend"]

_BODY = 50_000 - len('{"objects": []}')


@dataclass(frozen=True, kw_only=True)
class AkamaiBackend(ApiBackend):
    """Purge as an API client, whose own host is ``base_url``; it needs "CCU APIs", READ-WRITE."""

    client_token: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    edgerc: str | None = None
    """A file that has the three, in its ``section``."""
    section: str = "default"
    network: Literal["production", "staging"] = "production"
    cp_codes: tuple[int, ...] = ()
    """All of the site's CP codes, which purge everything; without them, its tag does."""
    ttl_field: Literal["Edge-Control", "Cache-Control"] = "Edge-Control"
    vary: tuple[str, ...] = ()
    """Further request headers that the cache ID has, by *Cache ID Modification*."""
    max_items: int = 5_000
    rate: float | None = 50.0
    burst: int = 100

    tag_field: ClassVar[str | None] = "Edge-Cache-Tag"
    tag_separator: ClassVar[str] = ","
    tag_form: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9!#$%'+./^_`|~-]{1,128}")
    max_tags: ClassVar[int] = 128
    max_tag_bytes: ClassVar[int] = 8_192 - len("Edge-Cache-Tag: ")
    variants: ClassVar[frozenset[str] | None] = frozenset({"accept-encoding"})
    strips: ClassVar[frozenset[str]] = frozenset({"edge-cache-tag"})
    soft_is_possible: ClassVar[bool] = True
    success: ClassVar[frozenset[int]] = frozenset({201})
    repeat_default: ClassVar[float] = 5.0
    says: ClassVar[dict[str, Verdict]] = {
        '"title": *"unauthorized arl"': Verdict.BAD_ITEM,
        '(?is)pep-authn.*"detail": *"[^"]*(timestamp|nonce)': Verdict.TRANSIENT,
        "pep-authn": Verdict.REFUSED,
        "(?i)<html": Verdict.THROTTLED,
    }
    needs: ClassVar[tuple[str, str] | None] = ("akamai.edgegrid", "akamai")
    remedy: ClassVar[str] = (
        "check that the API client has CCU APIs with READ-WRITE, and may purge these properties"
    )

    def __post_init__(self) -> None:
        """Raise ImproperlyConfigured for what the types of the OPTIONS do not tell."""
        super().__post_init__()
        check(self, self._tokens, self.edgerc)
        if self.method == "url" and not self.cp_codes:
            raise self.wrong("cp_codes", "must be given where pages have no tags")

    @property
    def _tokens(self) -> tuple[str | None, ...]:
        return self.client_token, self.client_secret, self.access_token

    @property
    def ttl_header(self) -> str:
        """Akamai goes by ``Edge-Control`` first; ``Cache-Control`` as the property says."""
        return self.ttl_field

    def lifetime(self, ttl: int, grace: int) -> str:
        """Return Akamai's own words; grace is a matter of the property."""
        return f"cache-maxage={ttl}s" if ttl else "no-store"

    def auth(self) -> AuthBase:
        """The secret signs each call and is never sent."""
        return Signer(self._tokens, self.edgerc, self.section)

    @operation(items=500, bytes=_BODY)
    def purge_tags(self, tags: Sequence[str]) -> Call:
        """Purge tags; a call that asks for more than the account has left is refused whole."""
        return self._call("tag", tags)

    @operation(items=10_000, bytes=_BODY)
    def purge_urls(self, urls: Sequence[str]) -> Call:
        """Purge URLs, whose scheme does not matter."""
        return self._call("url", urls)

    @operation()
    def purge_everything(self) -> Call:
        """Purge the CP codes, or what has the tag that every page has."""
        if self.cp_codes:
            return self._call("cpcode", self.cp_codes)
        return self._call("tag", [self.spelled(EVERYTHING)])

    def confirms(self, reply: Reply) -> bool:
        """An accepted purge has a number."""
        return bool(reply.json.get("purgeId"))

    def words(self, reply: Reply) -> str:
        """Begin with the number that Akamai's support asks for."""
        return f"{reply.json.get('supportId', '')} {reply.text}"

    def _call(self, kind: str, objects: Sequence[str | int]) -> Call:
        verb = "invalidate" if self.soft else "delete"
        path = f"/ccu/v3/{verb}/{kind}/{self.network}"
        return Call(path=path, json={"objects": list(objects)})
