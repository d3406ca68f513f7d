"""The query parameters that the VCL knows."""

import fnmatch
import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dumper_purge.rendering.queries import queries
from tests.rendering.lexer import strings

GLOBS = st.text(st.sampled_from('ab*?[]!."{}'), min_size=1, max_size=6)


def without_tracking(url):
    regex, replacement, *_ = strings(queries().body)
    return re.sub(regex, replacement, url)


def undeclared(query):
    regex, replacement = strings(queries().body)[-2:]
    return re.sub(regex, replacement, query)


def test_tracking_parameters_are_taken_away():
    assert without_tracking("/?utm_source=x&page=2&gclid") == "/?&page=2&"
    assert without_tracking("/?xgclid=1&utm=2") == "/?xgclid=1&utm=2"


def test_declared_parameters_are_taken_out_of_the_undeclared(site):
    site.DUMPER_QUERY_PARAMETERS = ["page", "q.1"]

    assert undeclared("&page=1&q.1&x=2&pages=1&qx1=1") == "&x=2&pages=1&qx1=1"


def test_without_any_nothing_is_declared_and_nothing_is_taken_away(site):
    site.DUMPER_QUERY_PARAMETERS = site.DUMPER_TRACKING_PARAMETERS = []

    assert "sub dumper_parameters {\n}" in queries().body
    assert "regsuball" not in queries().body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(GLOBS, st.text(st.sampled_from('ab.!"{'), max_size=5))
def test_a_glob_matches_what_fnmatch_matches_or_is_left_to_django(site, glob, name):
    site.DUMPER_TRACKING_PARAMETERS = [glob]
    section = queries()

    if section.notices:
        assert "regsuball(req.http.Dumper-Sorted" not in section.body
        return
    assert (without_tracking(f"/?{name}") == "/?") == (not name or fnmatch.fnmatchcase(name, glob))


@pytest.mark.parametrize("glob", ["a[", "[a-z]", "a*b*c*", "[]]"])
def test_what_is_left_to_django_is_said(site, glob):
    site.DUMPER_TRACKING_PARAMETERS = [glob, "gclid"]

    section = queries()

    assert section.notices == (
        f"DUMPER_TRACKING_PARAMETERS: {glob!r} is left to Django; Varnish passes what has it.",
    )
    assert section.notices[0] in section.about
    assert without_tracking("/?gclid") == "/?"


@pytest.mark.parametrize("name", ["DUMPER_QUERY_PARAMETERS", "DUMPER_TRACKING_PARAMETERS"])
def test_a_name_that_vcl_cannot_hold_is_an_error(site, name):
    setattr(site, name, ["é"])

    with pytest.raises(ImproperlyConfigured, match=f"{name} = .* must be printable ASCII"):
        queries()
