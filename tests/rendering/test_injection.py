"""No setting and no option ends a string, opens a comment, or adds a statement."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.document import render
from tests.rendering.lexer import outside
from tests.rendering.site import varnishes

LOCALE = "django.middleware.locale.LocaleMiddleware"
TEXT = st.text(max_size=12) | st.text(st.sampled_from('"{}#/*\\\n\r;+$ %&.a'), max_size=12)
BENIGN = {
    "ALLOWED_HOSTS": ["www.example.com"],
    "STATIC_URL": "/static/",
    "MIDDLEWARE": [LOCALE],
    "LANGUAGES": [("de", "German"), ("pt-br", "Brazilian Portuguese")],
}
SETTINGS = {
    "ALLOWED_HOSTS": lambda text: [text],
    "STATIC_URL": lambda text: f"/{text}/",
    "LANGUAGES": lambda text: [("de", "German"), (text, "x")],
    "LANGUAGE_COOKIE_NAME": str,
    "SESSION_COOKIE_NAME": str,
    "CSRF_COOKIE_NAME": str,
    "DUMPER_BYPASS_COOKIES": lambda text: [text],
    "DUMPER_HARMLESS_COOKIES": lambda text: [text],
    "DUMPER_HOSTS": lambda text: [text],
    "DUMPER_PATH_IGNORE_REGEX": str,
    "DUMPER_QUERY_PARAMETERS": lambda text: [text],
    "DUMPER_TRACKING_PARAMETERS": lambda text: [text],
    "DUMPER_BACKENDS": lambda text: varnishes(text, token=text or "t"),
}
CHOICES = {
    "backends": lambda text: (text,),
    "probe": str,
    "purgers": lambda text: (text,),
    "terminators": lambda text: (text,),
    "debuggers": lambda text: (text,),
    "previous_token": str,
    "purge_listener": str,
}


def skeleton(choices, **changed):
    """Render, and return the lines without strings; strings that are joined count as one."""
    with override_settings(**BENIGN, DUMPER_BACKENDS=varnishes()), override_settings(**changed):
        code = outside(render(Choices(**choices)).site)
    return re.sub(r"\$(?: \+ \$)+", "$", code).splitlines()


CHOSEN = {
    "probe": "/health/",
    "debuggers": ("127.0.0.1",),
    "previous_token": "older",
    "purge_listener": "purge",
}


@pytest.fixture(scope="module")
def statements():
    """Every line that a rendered VCL may have."""
    known = skeleton(CHOSEN)
    known += skeleton({"backends": ("unix:/a",), "purgers": ("10.0.0.0/8",)})
    return {re.sub(r"/\d+;", "/0;", line) for line in known}


def assert_that_only(statements, choices, **changed):
    try:
        lines = skeleton(choices, **changed)
    except ImproperlyConfigured:
        return
    assert {re.sub(r"/\d+;", "/0;", line) for line in lines} <= statements


@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=60, deadline=None)
@given(text=TEXT)
@example(text='"')
@example(text='"}; sub vcl_recv { return (pipe); } {"')
@example(text="a\nset req.url = 1;")
def test_a_setting_adds_no_statement(statements, name, text):
    assert_that_only(statements, CHOSEN, **{name: SETTINGS[name](text)})


@pytest.mark.parametrize("name", CHOICES)
@settings(max_examples=60, deadline=None)
@given(text=TEXT)
@example(text='"')
@example(text='127.0.0.1"; } sub vcl_recv { return (pipe); }')
@example(text="a\nset req.url = 1;")
def test_an_option_adds_no_statement(statements, name, text):
    assert_that_only(statements, CHOSEN | {name: CHOICES[name](text)})
