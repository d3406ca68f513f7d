"""``Accept-Language`` becomes what Django would have chosen."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import get_supported_language_variant

from dumper_purge.rendering.languages import languages
from tests.rendering.lexer import strings

SITES = [
    ["en", "de"],
    ["pt-br", "en"],
    ["zh-hant", "zh-hans"],
    ["en-gb", "en-au", "de", "de-at"],
    ["zh-hans", "pt", "pt-br", "es-mx"],
]
ASKED = [
    *("de", "de-at", "de-at-x", "en", "en-us", "en-gb", "pt", "pt-br", "pt-pt", "es", "es-ar"),
    *("zh", "zh-tw", "zh-cn", "zh-hk", "zh-sg", "zh-hant-tw", "fr", "dex", "d"),
]


def use(site, codes):
    site.USE_I18N = True
    site.LANGUAGES = [(code, code) for code in codes]


def chosen(asked):
    texts = iter(strings(languages().body))
    said = f",{asked}"
    for regex, replacement in zip(texts, texts, strict=True):
        said = re.sub(regex, replacement, said)
    return said.removeprefix(", ") if said.startswith(", ") else None


def of_django(asked):
    try:
        return get_supported_language_variant(asked)
    except LookupError:
        return None


@pytest.mark.parametrize("codes", SITES, ids=",".join)
def test_it_is_the_language_that_django_would_choose(site, codes):
    use(site, codes)

    assert {asked: chosen(asked) for asked in ASKED} == {asked: of_django(asked) for asked in ASKED}


@pytest.mark.parametrize("code", ["", 'de"', "de\n", "d e", 1])
def test_a_code_that_is_none_is_an_error(site, code):
    site.LANGUAGES = [(code, "x")]

    with pytest.raises(ImproperlyConfigured, match="LANGUAGES = .* must be a language code"):
        languages()
