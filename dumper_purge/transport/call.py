"""One call of an API and what it answered: values, whoever makes the call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = ["Call", "Reply"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an API, at ``path`` below its base URL; it holds no secret.

    The same call may be made twice: what identifies it to the API is decided when it is built.
    """

    method: str = "POST"
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    """The body, to be sent as JSON; None: there is none."""
    text: str | None = None
    """Another body; a header should say what it is."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an API answered. Names of headers are in any case; ``text`` has 256 KiB at most."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body; empty if there is none, such as in a page of HTML."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def at(self, pointer: str) -> Any:
        """Return what a JSON pointer (RFC 6901) shows in :attr:`json`; None if there is nothing."""
        value: Any = self.json
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value
