"""Values as VCL writes them: whatever a setting holds, it stays inside its quotes.

VCL knows no escapes. ``"..."`` ends at the next quote or line, ``{"..."}`` at the next ``"}``, and
``#`` begins a comment that ends with its line.
"""

import ipaddress
import re
from collections.abc import Iterable

from dumper_purge.rendering.problem import problem

__all__ = ["alternatives", "comment", "expression", "network", "printable", "quoted"]

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_NO_HOST_BITS = "write an address or a network such as '10.0.0.0/8', no name"


def printable(name: str, value: object) -> str:
    """Return a value that VCL can hold; raise ImproperlyConfigured for any other, and if empty."""
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
        raise problem(name, value, "must be printable ASCII to be written into VCL, and not empty")
    return value


def quoted(text: str) -> str:
    """Return a literal for where VCL takes nothing but one string: a regex, an address."""
    if not re.fullmatch(r"[ !#-~]*", text):
        raise ValueError(f"{text!r} cannot stand in one VCL string")
    return f'"{text}"'


def expression(text: str) -> str:
    """Return strings that are joined to ``text``; a quote is a long string of its own."""
    parts = re.split('(")', text)
    return " + ".join('{"""}' if part == '"' else quoted(part) for part in parts if part) or '""'


def alternatives(names: Iterable[str]) -> str:
    """Return what stands between the parentheses of a regex that matches these names alone."""
    return "|".join(re.escape(name).replace('"', r"\x22") for name in names)


def comment(text: str) -> str:
    """Return comment lines; what would end a line early is shown as Python writes it."""
    plain = re.sub(r"[^\n\x20-\x7e]", lambda odd: ascii(odd[0])[1:-1], text)
    return "\n".join(f"# {line}".rstrip() for line in plain.split("\n"))


def network(name: str, value: str) -> str:
    """Return an entry of an ACL; raise ImproperlyConfigured for what is no address or network."""
    try:
        parsed = ipaddress.ip_network(value)
    except ValueError as error:
        raise problem(name, value, f"is wrong ({error}): {_NO_HOST_BITS}") from error
    entry = f'"{parsed.network_address}"'
    return (
        f"{entry};" if parsed.prefixlen == parsed.max_prefixlen else f"{entry}/{parsed.prefixlen};"
    )
