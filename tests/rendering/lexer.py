"""VCL as its compiler reads it, as far as strings, comments and the rest go."""

import re

__all__ = ["outside", "strings"]

# In the order in which VCC tries them. A "..." ends with its line, the other two where they say so.
_TOKENS = re.compile(
    r"""(?xs)
    (?P<comment> \#[^\n]* | //[^\n]* | /\*.*?\*/ )
    | \{" (?P<braced> .*? ) "\}
    | \"\"\" (?P<tripled> .*? ) \"\"\"
    | " (?P<short> [^"\n]* ) "
    | (?P<code> . )
    """
)


def strings(vcl: str) -> list[str]:
    """Return the values of all strings in a text."""
    found = []
    for token in _TOKENS.finditer(vcl):
        value = next((token[n] for n in ("braced", "tripled", "short") if token[n] is not None), "")
        if token.lastgroup not in {"code", "comment"}:
            found.append(value)
    return found


def outside(vcl: str) -> str:
    """Return what is neither comment nor string: each of these is gone, or is one ``$``."""
    return "".join(
        {"code": token["code"], "comment": ""}.get(str(token.lastgroup), "$")
        for token in _TOKENS.finditer(vcl)
    )
