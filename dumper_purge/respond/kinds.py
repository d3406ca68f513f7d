"""Classes of requests and sessions with more to them: made once, then looked up."""

__all__ = ["mixed"]

_kinds: dict[tuple[type, type], type] = {}


def mixed(kind: type, mixin: type) -> type:
    """Return ``kind`` with ``mixin`` before it; ``kind`` itself if it has that already."""
    if issubclass(kind, mixin):
        return kind
    if (kind, mixin) not in _kinds:
        # The qualified name is part of the salt that session data are signed with.
        names = {"__qualname__": kind.__qualname__, "__module__": kind.__module__}
        _kinds[kind, mixin] = type(kind.__name__, (mixin, kind), names)
    return _kinds[kind, mixin]
