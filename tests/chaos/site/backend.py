"""Varnish, purged by a process that may not live to see the end of it."""

from typing import ClassVar

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import PurgeBatch
from tests.chaos.site.moments import in_mid_send

__all__ = ["FragileBackend"]


class FragileBackend(VarnishBackend):
    """Meets its process's fate before the requests are written."""

    strips: ClassVar[frozenset[str]] = frozenset()
    """The VCL of this stage hands on what is usually removed: one stands behind the other."""

    def send(self, batch: PurgeBatch, node: str) -> None:
        in_mid_send()
        super().send(batch, node)
