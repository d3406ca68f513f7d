"""Regular expressions of Python that PCRE reads alike, on paths of printable ASCII.

What PCRE could read otherwise is refused, and so is what could take it endlessly long: Varnish then
answers 503. Django applies the setting itself, so that nothing but an early pass is lost.
"""

import re
from dataclasses import dataclass, field

__all__ = ["NotAlike", "pcre"]

_MAX_REPEATS = 4
_TOKEN = re.compile(
    r"""(?x)
    (?P<flag> \(\?i\) )
    | (?P<open> \( (?: \?: | \?= | \?! | \?<= | \?<! | \?P<[A-Za-z_]\w{0,30}> | (?!\?) ) )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<repeat> (?: [*+] | \{ [0-9]{1,3} , \} ) \?? )
    | (?P<limited> (?: \? | \{ [0-9]{1,3} (?: , [0-9]{1,3} )? \} ) \?? )
    | (?P<end> \\Z )
    | (?P<set> \[ (?![:.=]) \^? (?: \] | (?!\]) ) (?: \\[dwsDWS] | \\[^A-Za-z0-9] | [^]\\[%] )* \] )
    | (?P<atom> \\[dwsbDWSBA] | \\[^A-Za-z0-9] | [^][\\{%()|*+?] | \] )
    """,
    re.ASCII,
)


class NotAlike(ValueError):
    """PCRE may read it otherwise; the message says what."""


@dataclass
class _Group:
    """What stands between two parentheses, as far as it was read."""

    varies: bool = False
    """It may match one text in several ways."""


@dataclass
class _Reader:
    groups: list[_Group] = field(default_factory=lambda: [_Group()])
    closed: _Group | None = None
    """The group that ended right before what is read now."""
    repeats: int = 0

    def read(self, kind: str, text: str) -> None:
        closed, self.closed = self.closed, None
        if kind == "open":
            self.groups.append(_Group())
        elif kind == "close":
            self.closed = self.groups.pop()
            self.groups[-1].varies |= self.closed.varies
        elif kind in {"either", "repeat", "limited"}:
            self.groups[-1].varies = True
            self._check_length(kind, text, closed)

    def _check_length(self, kind: str, text: str, closed: _Group | None) -> None:
        if closed and closed.varies and text[0] in "*+{":
            raise NotAlike(f"a group that varies is repeated with {text!r}, which can take long")
        self.repeats += kind == "repeat"
        if self.repeats > _MAX_REPEATS:
            raise NotAlike(f"more than {_MAX_REPEATS} repeats without a limit can take long")


def pcre(pattern: str) -> str:
    """Return a valid Python ``pattern`` as it can stand in a VCL string; raise NotAlike."""
    if not re.fullmatch(r"[\x20-\x7e]*", pattern):
        raise NotAlike("Varnish sees paths encoded, and it has characters that are not ASCII")
    reader, position, written = _Reader(), 0, []
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if not match or (match["flag"] and position):
            rest = pattern[position : position + 10]
            raise NotAlike(f"PCRE may read it otherwise from {rest!r} on")
        reader.read(str(match.lastgroup), match[0])
        written.append(_written(match))
        position = match.end()
    return "".join(written)


def _written(token: re.Match[str]) -> str:
    if token["end"]:
        return r"\z"
    return re.sub(r"\\?(.)", lambda pair: r"\x22" if pair[1] == '"' else pair[0], token[0])
