"""Batches and messages as text that any database stores."""

import json

from dumper_purge.batch import PurgeBatch

__all__ = ["decoded", "encoded", "fitting", "storable"]

_VERSION = 1
_LONGEST = 4_000_000
"""Characters above which an entry is for everything: no packet of MySQL's takes 16 MB."""
_encode = json.JSONEncoder(separators=(",", ":")).encode


def fitting(batch: PurgeBatch) -> str:
    """Return a batch as it is stored, or everything if that takes too much."""
    text = encoded(batch)
    return text if len(text) <= _LONGEST else encoded(PurgeBatch(everything=True))


def storable(text: str) -> str:
    """Return the beginning of a text, which may be a node's own words, as any database takes it."""
    return text[:2_000].replace("\0", "?").encode("ascii", "backslashreplace").decode()


def encoded(batch: PurgeBatch) -> str:
    """Return a batch as it is stored."""
    return _encode({"v": _VERSION, **batch.as_dict()})


def decoded(text: str) -> PurgeBatch:
    """Return a stored batch; raise ValueError if another version of the package wrote it."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.pop("v", None) != _VERSION:
        raise ValueError("it has another version")
    return PurgeBatch.from_dict(values)
