"""What ``LOCATION`` may hold where each of its nodes is purged for itself."""

from dumper_purge.backends.base import BaseBackend
from dumper_purge.transport.node import Node

__all__ = ["check_location"]


def check_location(backend: BaseBackend, example: str) -> None:
    """Raise ImproperlyConfigured unless there is a node, and each is like ``example``."""
    if not backend.location:
        raise backend.wrong("location", f"must be a list like [{example!r}]")
    for node in backend.location:
        try:
            Node.parse(node)
        except ValueError as error:
            shown = "" if "@" in node else f"has {node!r}, which "
            raise backend.wrong("location", f"{shown}{error}") from error
