"""Rules by path."""

import pytest

from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.paths import paths
from tests.rendering.lexer import strings


def test_what_is_ignored_is_passed(site):
    site.DUMPER_PATH_IGNORE_REGEX = r"^/(?:admin|api)/"

    section = paths(Choices())

    assert r'regsub(req.url, "\?.*$", "") ~ "^/(?:admin|api)/"' in section.body
    assert section.notices == ()


def test_a_regex_that_pcre_may_read_otherwise_is_left_to_django_and_that_is_said(site):
    site.DUMPER_PATH_IGNORE_REGEX = r"^/(?:\w+/)*\u00e9"

    section = paths(Choices())

    assert section.body == "sub dumper_paths {\n}"
    (notice,) = section.notices
    assert notice.startswith("DUMPER_PATH_IGNORE_REGEX is left to Django: ")
    assert notice in section.about


def test_cookies_do_not_matter_to_static_files(site):
    site.STATIC_URL, site.MEDIA_URL = "/static/", "/media/"

    assert strings(paths(Choices()).body)[-1] == "^(?:/static/)"


def test_nor_to_media_files_where_that_is_said(site):
    site.STATIC_URL, site.MEDIA_URL = "/static/", "/me.dia/"

    section = paths(Choices(public_media=True))

    assert strings(section.body)[-1] == r"^(?:/me\.dia/|/static/)"
    assert "MEDIA_URL" in section.about


@pytest.mark.parametrize("url", [None, "/", "https://cdn.example.com/static/", "//cdn/", '/"/'])
def test_files_elsewhere_have_no_rule(site, url):
    site.STATIC_URL = url

    assert "Cookie" not in paths(Choices()).body
