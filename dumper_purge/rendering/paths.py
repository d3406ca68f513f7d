"""Paths that Django alone answers, and paths that are the same for every visitor."""

from django.conf import settings

from dumper_purge.conf import current
from dumper_purge.paths import is_canonical
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.literals import alternatives, quoted
from dumper_purge.rendering.regexes import NotAlike, pcre
from dumper_purge.rendering.section import Section

__all__ = ["paths"]

_ABOUT = """\
DUMPER_PATH_IGNORE_REGEX is passed, unless the target is very long. In STATIC_URL{and_media} a
visitor's cookies do not matter, so that those who have a session share what is stored as well."""
_LEFT = "DUMPER_PATH_IGNORE_REGEX is left to Django: {}."
_IGNORED = """\
    if (req.url !~ "^.{{500}}" && regsub(req.url, "\\?.*$", "") ~ {regex}) {{
        set req.http.Dumper-Pass = "bypass";
    }}
"""
_PUBLIC = """\
    if (req.http.Cookie && req.url ~ {regex}) {{
        unset req.http.Cookie;
    }}
"""


def paths(choices: Choices) -> Section:
    """Return the section; a regex that PCRE might read otherwise stands in no rule."""
    ignored, left = _ignored()
    public = _public(choices)
    rules = f"{ignored}{_PUBLIC.format(regex=quoted(public)) if public else ''}"
    about = _ABOUT.format(and_media=" and MEDIA_URL" if choices.public_media else "")
    return Section(
        about="\n".join([about, *left]), body=f"sub dumper_paths {{\n{rules}}}", notices=left
    )


def _ignored() -> tuple[str, tuple[str, ...]]:
    try:
        regex = pcre(current().path_ignore_regex.pattern)
    except NotAlike as reason:
        return "", (_LEFT.format(reason),)
    return _IGNORED.format(regex=quoted(regex)), ()


def _public(choices: Choices) -> str:
    urls = [settings.STATIC_URL, settings.MEDIA_URL if choices.public_media else None]
    prefixes = {url for url in urls if url and is_canonical(url) and url.strip("/")}
    return f"^(?:{alternatives(sorted(prefixes))})" if prefixes else ""
