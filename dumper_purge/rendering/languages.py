"""The languages of the site: ``Accept-Language`` becomes the one that Django would choose."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.conf.locale import LANG_INFO

from dumper_purge.rendering.literals import alternatives
from dumper_purge.rendering.problem import problem
from dumper_purge.rendering.section import Section

__all__ = ["has_several_languages", "languages"]

_ABOUT = """\
LANGUAGES, since LocaleMiddleware is in MIDDLEWARE: a page has one variant for each of them, not one
for every Accept-Language. A language that the site lacks becomes its nearest, as in Django."""
_LOCALE = "django.middleware.locale.LocaleMiddleware"
_LINE = """\
    set req.http.Dumper-Languages = regsuball(req.http.Dumper-Languages,
        ",{asked}(?=;|,|$)", ", {found}");"""
_CODE = re.compile(r"[A-Za-z0-9@_-]{1,35}")


def has_several_languages() -> bool:
    """Tell whether pages come in several languages."""
    return _LOCALE in settings.MIDDLEWARE


def languages() -> Section:
    """Return the section; raise ImproperlyConfigured for a code that VCL cannot hold."""
    codes = [_checked(code).lower() for code, _ in settings.LANGUAGES]
    own = alternatives(sorted(codes, key=len, reverse=True))
    rules = [
        *((alternatives([asked]), found) for asked, found in _fallbacks(codes)),
        (f"({own})(?:-[a-z0-9-]+)?", r"\1"),
        *((f"{asked}(?:-[a-z0-9-]+)?", found) for asked, found in _regional(codes).items()),
    ]
    lines = [_LINE.format(asked=asked, found=found) for asked, found in rules]
    return Section(about=_ABOUT, body="\n".join(["sub dumper_languages {", *lines, "}"]))


def _checked(code: str) -> str:
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise problem("LANGUAGES", code, "must be a language code such as 'pt-br'")
    return code


def _fallbacks(codes: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the languages that Django answers with another than their beginning."""
    for code in LANG_INFO:
        found = next((each for each in LANG_INFO[code].get("fallback", ()) if each in codes), None)
        if found and code not in codes:
            yield code, found


def _regional(codes: list[str]) -> dict[str, str]:
    """Return the languages that the site has for some regions only, with the first of these."""
    found: dict[str, str] = {}
    for code in codes:
        generic = code.partition("-")[0]
        if generic not in codes:
            found.setdefault(generic, code)
    return found
