"""The site's cookies: those that make a page private, and those that Django still gets."""

from django.conf import settings

from dumper_purge.conf import current
from dumper_purge.rendering.languages import has_several_languages
from dumper_purge.rendering.literals import alternatives, printable
from dumper_purge.rendering.section import Section
from dumper_purge.respond.layers import current_layers

__all__ = ["cookies"]

_ABOUT = """\
A request with one of the first is answered by Django and never stored: SESSION_COOKIE_NAME,
"messages", DUMPER_BYPASS_COOKIES, and LANGUAGE_COOKIE_NAME where LocaleMiddleware reads it. Of all
others Django gets only the second when it renders a page that may be stored: CSRF_COOKIE_NAME and
DUMPER_HARMLESS_COOKIES."""
_PRIVATE = """\
sub dumper_private_cookies {{
    if (req.http.Dumper-Cookies ~ ";(?:{names})\\s*=") {{
        set req.http.Dumper-Pass = "bypass";
    }}
}}"""
_KEPT = """\
sub dumper_kept_cookies {{
    set req.http.Dumper-Cookies = regsuball(req.http.Dumper-Cookies, ";({names})=", "; \\1=");
}}"""
_NONE_KEPT = "sub dumper_kept_cookies {\n}"


def cookies() -> Section:
    """Return the section; raise ImproperlyConfigured for a name that VCL cannot hold."""
    private, kept = _private(), _kept()
    _check("SESSION_COOKIE_NAME or DUMPER_BYPASS_COOKIES", private)
    _check("CSRF_COOKIE_NAME or DUMPER_HARMLESS_COOKIES", kept)
    first = _PRIVATE.format(names=alternatives(sorted(private)))
    second = _KEPT.format(names=alternatives(sorted(kept))) if kept else _NONE_KEPT
    return Section(about=_ABOUT, body=f"{first}\n\n{second}")


def _private() -> frozenset[str]:
    language = {settings.LANGUAGE_COOKIE_NAME} if has_several_languages() else set()
    return current_layers().bypass_cookies | language


def _kept() -> frozenset[str]:
    csrf = set() if settings.CSRF_USE_SESSIONS else {settings.CSRF_COOKIE_NAME}
    return frozenset(current().harmless_cookies) | csrf


def _check(setting: str, names: frozenset[str]) -> None:
    for name in names:
        printable(setting, name)
