"""Cache-Control and its targeted relatives (RFC 9111, RFC 9213), read and written."""

import re
from collections.abc import Mapping

__all__ = ["formatted", "lifetime", "parsed"]

_DIRECTIVE = re.compile(r'([^\s=,;"]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;]*))?')
_LONGEST = 2**31 - 1


def parsed(value: str) -> dict[str, str | None]:
    """Return the directives by their names in lower case; of repeated ones the first counts."""
    directives: dict[str, str | None] = {}
    for name, argument in _DIRECTIVE.findall(value):
        directives.setdefault(name.lower(), argument or None)
    return directives


def formatted(directives: Mapping[str, str | None]) -> str:
    """Return the field's value."""
    return ", ".join(
        name if argument is None else f"{name}={argument}" for name, argument in directives.items()
    )


def lifetime(directives: Mapping[str, str | None], *names: str) -> int | None:
    """Return the seconds that the first of ``names`` gives; None without any.

    A number that cannot be read is 0: RFC 9111, section 4.2.1, calls such a response stale.
    """
    for name in names:
        if name in directives:
            seconds = (directives[name] or "").strip('"')
            return min(int(seconds), _LONGEST) if re.fullmatch(r"[0-9]{1,20}", seconds) else 0
    return None
