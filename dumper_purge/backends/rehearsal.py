"""A purge of a page that nobody has: token, ACL and configuration are seen by the answer."""

from collections.abc import Iterator

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import PurgeError

__all__ = ["refusals"]

_NOBODYS = PurgeBatch(paths=frozenset({"/.dumper-purge/inspect"}))


def refusals(backend: BaseBackend) -> Iterator[str]:
    """Yield what each node says that does not carry it out."""
    for node in backend.nodes:
        try:
            backend.send(_NOBODYS, node)
        except PurgeError as error:
            yield str(error)
