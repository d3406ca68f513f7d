"""What can go wrong, one class per way of going on."""

__all__ = [
    "DependentsError",
    "DumperError",
    "InvalidDependent",
    "PurgeError",
    "Rejected",
    "Transient",
]


class DumperError(Exception):
    """The base of every error that dumper_purge raises itself."""


class InvalidDependent(DumperError, ValueError):
    """A path, URL, prefix, pattern or tag that cannot be purged as it was written."""


class DependentsError(DumperError):
    """``dependent_paths()`` or ``dependent_tags()`` of a model failed or gave nonsense."""


class PurgeError(DumperError):
    """A cache did not carry out a purge. The subclass decides whether it is tried again."""


class Transient(PurgeError):
    """The cache was down, slow, throttled or garbled: the same purge may succeed later.

    ``retry_after`` is the number of seconds the cache asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(PurgeError):
    """The cache understood and refused: trying again unchanged is pointless."""
