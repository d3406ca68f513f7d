"""Varnish, purged by a process that may not live to see the end of it."""

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.batch import PurgeBatch
from tests.chaos.site.moments import in_mid_send

__all__ = ["FragileBackend"]


class FragileBackend(VarnishBackend):
    """Meets its process's fate before the requests are written."""

    def send(self, batch: PurgeBatch, node: str) -> None:
        in_mid_send()
        super().send(batch, node)
