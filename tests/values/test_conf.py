"""Settings: defaults, types, and errors that name the setting, the value and the remedy."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from dumper_purge import conf


def test_the_defaults_are_those_of_the_readme():
    with override_settings():
        current = conf.current()
    assert current.ttl == 31_536_000
    assert current.browser_ttl == 0
    assert current.cache_alias == "default"
    assert current.path_ignore_regex.pattern == "^/admin/"
    assert current.query_parameters == ("page",)
    assert list(current.backends) == ["page_cache"]


def test_a_setting_is_read_at_the_time_of_use():
    with override_settings(DUMPER_TTL=60):
        assert conf.current().ttl == 60
    assert conf.current().ttl == 31_536_000


def test_strictness_and_the_single_process_follow_debug(settings):
    del settings.DUMPER_STRICT
    del settings.DUMPER_SINGLE_PROCESS
    for debug in (True, False):
        with override_settings(DEBUG=debug):
            assert conf.current().strict is debug
            assert conf.current().single_process is debug


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("DUMPER_ENABLED", "yes", "must be True or False"),
        ("DUMPER_TTL", -1, "whole number of seconds"),
        ("DUMPER_TTL", 1.5, "whole number of seconds"),
        ("DUMPER_TTL", True, "whole number of seconds"),
        ("DUMPER_QUARANTINE", "5", "number of seconds"),
        ("DUMPER_BULK_LIMIT", 0, "1 or more"),
        ("DUMPER_PATH_IGNORE_REGEX", "(", "no regular expression"),
        ("DUMPER_PATH_IGNORE_REGEX", None, "must be a regular expression"),
        ("DUMPER_QUERY_PARAMETERS", "page", "list of str"),
        ("DUMPER_QUERY_PARAMETERS", [""], "non-empty"),
        ("DUMPER_HOSTS", ["https://example.com"], "is no host"),
        ("DUMPER_STATUSES", [500], "never stored"),
        ("DUMPER_STATUSES", {404: -1}, "whole number"),
        ("DUMPER_STATUSES", 200, "200"),
        ("DUMPER_KEY_PREFIX", "a b", "no space"),
        ("DUMPER_BACKENDS", [], "must be a dict"),
        ("DUMPER_BACKENDS", {"x": {}}, "has no 'BACKEND'"),
        ("DUMPER_BACKENDS", {"x": {"BACKEND": "a.B", "BAKEND": 1}}, "unknown key 'BAKEND'"),
        (
            "DUMPER_BACKENDS",
            {"x": {"BACKEND": "a.B", "HOSTS": "example.com"}},
            "DUMPER_BACKENDS['x']['HOSTS'] = 'example.com' must be a list of str.",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name, value, part):
    with override_settings(**{name: value}):
        with pytest.raises(ImproperlyConfigured) as caught:
            conf.current()
        assert name in str(caught.value)
        assert part in str(caught.value)
        assert [str(problem) for problem in conf.problems()] == [str(caught.value)]


def test_no_error_shows_a_token():
    backends = {"x": {"BACKEND": "a.B", "OPTIONS": {"token": "s3cret"}, "oops": 1}}
    with override_settings(DUMPER_BACKENDS=backends):
        with pytest.raises(ImproperlyConfigured) as caught:
            conf.current()
    assert "s3cret" not in str(caught.value)


def test_known_hosts_are_those_of_the_settings_and_of_every_backend():
    backends = {"x": {"BACKEND": "a.B", "HOSTS": ["A.example"]}}
    with override_settings(DUMPER_HOSTS=["b.example:8000"], DUMPER_BACKENDS=backends):
        assert conf.current().known_hosts == {"a.example", "b.example:8000"}
