"""The request's META, remembering whether a visitor's own secrets were looked at there."""

from collections.abc import Mapping
from typing import Any

from django.http.request import HttpHeaders
from django.utils.functional import cached_property

from dumper_purge.respond.kinds import mixed

__all__ = ["COOKIE", "SECRET", "RecordedMeta"]

COOKIE = "HTTP_COOKIE"
SECRET = "CSRF_COOKIE"  # noqa: S105
"""Where CsrfViewMiddleware puts the secret that it found in the visitor's cookie."""

_WATCHED = frozenset({COOKIE, SECRET})


class RecordedMeta(dict[str, Any]):
    """A dict that remembers which of the two were read, absent ones too.

    Whoever takes all of it has read those that are there.
    """

    def __init__(self, meta: Mapping[str, Any]) -> None:
        super().__init__(meta)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name in _WATCHED:
            self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        if name in _WATCHED:
            self.read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        if name in _WATCHED:
            self.read.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        if name in _WATCHED:
            self.read.add(name)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name in _WATCHED:
            self.read.add(name)
        return super().setdefault(name, default)

    def note_all(self) -> None:
        """Remember that all of it was taken."""
        self.read.update(name for name in _WATCHED if dict.get(self, name))

    def _all(self) -> Any:
        self.note_all()
        return super()

    def __iter__(self) -> Any:
        return self._all().__iter__()

    def __or__(self, other: Any) -> Any:
        return self._all().__or__(other)

    def __ror__(self, other: Any) -> Any:
        return self._all().__ror__(other)

    def __repr__(self) -> str:
        text: str = self._all().__repr__()
        return text

    def keys(self) -> Any:
        return self._all().keys()

    def values(self) -> Any:
        return self._all().values()

    def items(self) -> Any:
        return self._all().items()

    def copy(self) -> dict[str, Any]:
        copied: dict[str, Any] = self._all().copy()
        return copied

    def put_before(self, request: Any) -> None:
        """Let the request show this in place of what it was made from."""
        request.META = self
        if "environ" in request.__dict__:
            request.environ = self
        request.__dict__.pop("headers", None)
        request.__class__ = mixed(type(request), _WithRecordedHeaders)

    def put_back(self, request: Any, meta: dict[str, Any]) -> None:
        """Let the request show the original again, with what was set meanwhile."""
        meta.update(_plain(self))
        request.META = meta
        if "environ" in request.__dict__:
            request.environ = meta


def _plain(meta: dict[str, Any]) -> dict[str, Any]:
    # dict.copy() would ask the methods above.
    return dict(dict.items(meta))


class _RecordedHeaders(HttpHeaders):
    def __init__(self, meta: Any) -> None:
        super().__init__(_plain(meta))
        self._meta = meta

    def __getitem__(self, name: str) -> str:
        if name.lower() == "cookie" and isinstance(self._meta, RecordedMeta):
            self._meta.read.add(COOKIE)
        value: str = super().__getitem__(name)
        return value

    def items(self) -> Any:
        if isinstance(self._meta, RecordedMeta):
            self._meta.note_all()
        return dict(self._store.values()).items()

    def values(self) -> Any:
        return dict(self.items()).values()


class _WithRecordedHeaders:
    """Mixed into the class of a request."""

    META: dict[str, Any]

    @cached_property
    def headers(self) -> HttpHeaders:
        return _RecordedHeaders(self.META)
