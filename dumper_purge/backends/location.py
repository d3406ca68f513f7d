"""What ``LOCATION`` may hold where each of its nodes is purged for itself."""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.transport.pipelined import Node

__all__ = ["check_location"]


def check_location(alias: str, location: Sequence[str], example: str) -> None:
    """Raise ImproperlyConfigured unless there is a node, and each is like ``example``."""
    name = f"DUMPER_BACKENDS[{alias!r}]['LOCATION']"
    if not location:
        raise ImproperlyConfigured(f"{name} must be a list like [{example!r}].")
    for node in location:
        try:
            Node.parse(node)
        except ValueError as error:
            shown = "" if "@" in node else f"has {node!r}, which "
            raise ImproperlyConfigured(f"{name} {shown}{error}.") from error
