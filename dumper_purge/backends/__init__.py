"""The caches that are purged, one file per kind; ``DUMPER_BACKENDS`` lists them, inner first.

How to write a backend
======================

A backend is a frozen, keyword-only dataclass. Its fields are its OPTIONS: one without a default is
required, one with another type or an unknown one is an error of ``manage.py check``, and one with
``repr=False`` is a secret. Whatever stands in front of the site, it only says *which calls purge
what*; merging, batching, concurrency, rates, retries, the second purge and the outbox are the same
for all. For a CDN with an API::

    from collections.abc import Sequence
    from dataclasses import dataclass, field
    from typing import ClassVar

    from dumper_purge.backends.api import ApiBackend, operation
    from dumper_purge.transport.pooled import Call, Reply, Token


    @dataclass(frozen=True, kw_only=True)
    class ExampleBackend(ApiBackend):
        # Purge a zone of Example CDN.
        zone: str
        token: str = field(repr=False)
        base_url: str = "https://api.cdn.example"

        ttl_header: ClassVar[str] = "CDN-Cache-Control"
        tag_field: ClassVar[str] = "Cache-Tag"
        tag_separator: ClassVar[str] = ","
        remedy: ClassVar[str] = "check zone and token"

        def auth(self) -> Token:
            return Token("Api-Key", self.token)

        @operation(items=100)
        def purge_tags(self, tags: Sequence[str]) -> Call:
            return Call(path=f"/zones/{self.zone}/purge", json={"tags": list(tags)})

        @operation(items=30)
        def purge_urls(self, urls: Sequence[str]) -> Call:
            return Call(path=f"/zones/{self.zone}/purge", json={"urls": list(urls)})

        @operation()
        def purge_everything(self) -> Call:
            return Call(path=f"/zones/{self.zone}/purge", json={"everything": True})

        def confirms(self, reply: Reply) -> bool:
            return reply.json.get("ok") is True

Name it in ``DUMPER_BACKENDS`` by its dotted path. The operations are ``purge_urls``,
``purge_tags``, ``purge_prefixes`` and ``purge_hosts``, each of which takes a list, and
``purge_everything``; one that is left out escalates to one that is there. ``operation(items=,
bytes=)`` says what one call may hold: a call that is too big is halved, and of one with a bad item
the others are sent.

What came of a call is told by its status, and by ``confirms()`` for a status in ``success``;
``verdict()`` tells what else a reply means (:class:`~dumper_purge.backends.outcome.Verdict`), and
``wait()`` for how long to stay away. What responses carry is told by ``ttl_header``,
``tag_field`` and the other attributes of :class:`~dumper_purge.backends.base.BaseBackend`.

A cache that is no API is a :class:`~dumper_purge.backends.base.BaseBackend`: its ``send(batch,
node)`` purges a :class:`~dumper_purge.batch.PurgeBatch`, or raises
:class:`~dumper_purge.exceptions.Transient` to be asked again, or
:class:`~dumper_purge.exceptions.Rejected` not to be.
"""

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.options import build
from dumper_purge.conf import Conf, current

__all__ = ["BaseBackend", "configured", "problems"]

_built: tuple[Conf, tuple[BaseBackend, ...]] | None = None


def configured() -> tuple[BaseBackend, ...]:
    """Return the backends, innermost tier first; raise ImproperlyConfigured for a wrong one."""
    global _built
    conf = current()
    if _built is None or _built[0] is not conf:
        _built = (conf, tuple(build(alias, entry) for alias, entry in conf.backends.items()))
    return _built[1]


def problems() -> list[ImproperlyConfigured]:
    """Return the first error of each backend that is wrong; the system checks show them."""
    found = []
    for alias, entry in current().backends.items():
        try:
            build(alias, entry)
        except ImproperlyConfigured as error:
            found.append(error)
    return found
