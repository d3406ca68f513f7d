"""The query parameters: those that count, and those that never do."""

import re

from dumper_purge.conf import current
from dumper_purge.rendering.literals import alternatives, printable
from dumper_purge.rendering.section import Section

__all__ = ["queries"]

_ABOUT = """\
DUMPER_TRACKING_PARAMETERS are taken away, and the rest is sorted. What DUMPER_QUERY_PARAMETERS does
not declare is passed and not stored."""
_TRACKING = """\
    set req.http.Dumper-Sorted = regsuball(req.http.Dumper-Sorted,
        "(^[^?]*\\?|&)(?:{names})(?:=[^&]*)?(?=&|$)", "\\1");
"""
_FORM = """\
sub dumper_query_form {{
{tracking}    set req.http.Dumper-Sorted = std.querysort(req.http.Dumper-Sorted);
}}"""
_DECLARED = """\
    set req.http.Dumper-Undeclared = regsuball(req.http.Dumper-Undeclared,
        "&(?:{names})(?:=[^&]*)?(?=&|$)", "");
"""
_PARAMETERS = """\
sub dumper_parameters {{
{declared}}}"""
_GLOB = re.compile(
    r"(?P<any>\*+)|(?P<one>\?)|\[(?P<other>!?)(?P<set>[A-Za-z0-9_.]+)\]|(?P<plain>[^]*?[])"
)
_LEFT = "DUMPER_TRACKING_PARAMETERS: {!r} is left to Django; Varnish passes what has it."


def queries() -> Section:
    """Return the section; raise ImproperlyConfigured for a name that VCL cannot hold."""
    globs = current().tracking_parameters
    patterns = {glob: _pattern(printable("DUMPER_TRACKING_PARAMETERS", glob)) for glob in globs}
    tracking = "|".join(pattern for pattern in patterns.values() if pattern)
    declared = [printable("DUMPER_QUERY_PARAMETERS", name) for name in current().query_parameters]
    form = _FORM.format(tracking=_TRACKING.format(names=tracking) if tracking else "")
    parameters = _DECLARED.format(names=alternatives(declared)) if declared else ""
    notices = tuple(_LEFT.format(glob) for glob, pattern in patterns.items() if not pattern)
    body = f"{form}\n\n{_PARAMETERS.format(declared=parameters)}"
    return Section(about="\n".join([_ABOUT, *notices]), body=body, notices=notices)


def _pattern(glob: str) -> str:
    """Return a regex for what ``fnmatch`` matches, or ``""`` where it would be slow or unclear."""
    parts, position = [], 0
    while position < len(glob):
        match = _GLOB.match(glob, position)
        if not match:
            return ""
        parts.append(_part(match))
        position = match.end()
    return "" if parts.count("[^=&]*") > 2 else "".join(parts)


def _part(match: re.Match[str]) -> str:
    if match["plain"]:
        return alternatives([match["plain"]])
    if match["any"]:
        return "[^=&]*"
    if match["one"]:
        return "[^=&]"
    return f"[^{match['set']}=&]" if match["other"] else f"[{match['set']}]"
