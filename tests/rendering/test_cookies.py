"""The cookies that the VCL knows."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.cookies import cookies
from tests.rendering.lexer import strings

LOCALE = "django.middleware.locale.LocaleMiddleware"


def is_private(cookie):
    return bool(re.search(strings(cookies().body)[0], f";{cookie}=1"))


def is_kept(cookie):
    regex = next((text for text in strings(cookies().body) if text.endswith(")=")), "(?!)")
    return bool(re.search(regex, f";{cookie}=1"))


def test_the_site_names_what_makes_a_page_private(site):
    site.SESSION_COOKIE_NAME = "s.id"
    site.DUMPER_BYPASS_COOKIES = ["cart"]

    assert all(map(is_private, ["s.id", "messages", "cart"]))
    assert not any(map(is_private, ["sxid", "csrftoken", "xcart", "cart2"]))


def test_the_site_names_what_django_still_gets(site):
    site.CSRF_COOKIE_NAME = "tok+en"
    site.DUMPER_HARMLESS_COOKIES = ["theme"]

    assert all(map(is_kept, ["tok+en", "theme"]))
    assert not any(map(is_kept, ["tokken", "csrftoken", "sessionid"]))


def test_without_a_csrf_cookie_none_is_kept(site):
    site.CSRF_USE_SESSIONS = True

    assert "sub dumper_kept_cookies {\n}" in cookies().body


def test_a_chosen_language_is_private_where_it_is_read(site):
    assert not is_private("django_language")

    site.MIDDLEWARE = [LOCALE]

    assert is_private("django_language")


@pytest.mark.parametrize("name", ['a"b', '"};'])
def test_a_name_with_quotes_stays_inside_its_own(site, name):
    site.SESSION_COOKIE_NAME = site.CSRF_COOKIE_NAME = name

    assert is_private(name)


@pytest.mark.parametrize("name", ["a\nb", "é"])
def test_a_name_that_vcl_cannot_hold_is_an_error(site, name):
    site.CSRF_COOKIE_NAME = name

    with pytest.raises(ImproperlyConfigured, match="CSRF_COOKIE_NAME .* must be printable ASCII"):
        cookies()
