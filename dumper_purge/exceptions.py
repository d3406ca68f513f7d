"""What can go wrong, one class per way of going on."""

from typing import Any

__all__ = [
    "DependentsError",
    "DumperError",
    "InvalidDependent",
    "PurgeError",
    "Rejected",
    "Transient",
    "Unfinished",
    "described",
]


def described(error: BaseException) -> str:
    """Return class and message of an error; a client's ``repr()`` may tell nothing of the cause."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


class DumperError(Exception):
    """The base of every error that dumper_purge raises itself."""


class InvalidDependent(DumperError, ValueError):
    """A path, URL, prefix, pattern or tag that cannot be purged as it was written."""


class DependentsError(DumperError):
    """``dependent_paths()`` or ``dependent_tags()`` of a model failed or gave nonsense."""


class PurgeError(DumperError):
    """A cache did not carry out a purge. The subclass decides whether it is tried again.

    ``left`` is the :class:`~dumper_purge.batch.PurgeBatch` of what it did not carry out; None: it
    carried out nothing.
    """

    def __init__(self, message: str, *, left: Any = None) -> None:
        super().__init__(message)
        self.left = left


class Transient(PurgeError):
    """The cache was down, slow, throttled or garbled: the same purge may succeed later.

    ``retry_after`` is the number of seconds the cache asked for, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        left: Any = None,
    ) -> None:
        super().__init__(message, left=left)
        self.retry_after = retry_after


class Unfinished(PurgeError):
    """More is to be sent than the rate of the backend allows at once: the rest is sent later.

    ``wait`` is the number of seconds until then. This is no failure. ``refused`` is the error of
    what is neither done nor left for later, if there is any.
    """

    def __init__(
        self, message: str, *, wait: float, left: Any, refused: PurgeError | None = None
    ) -> None:
        super().__init__(message, left=left)
        self.wait = wait
        self.refused = refused


class Rejected(PurgeError):
    """The cache understood and refused: trying again unchanged is pointless."""
