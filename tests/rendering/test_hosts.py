"""The hosts of the site."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.hosts import hosts
from tests.rendering.lexer import strings
from tests.rendering.site import varnishes


def answers(host):
    return bool(re.search(strings(hosts().body)[0], host))


def test_the_hosts_of_django_and_of_the_caches_are_answered_and_no_other(site):
    site.ALLOWED_HOSTS = ["www.example.com", "[::1]"]
    site.DUMPER_HOSTS = ["shop.example.com"]
    site.DUMPER_BACKENDS = varnishes(hosts=("localhost:6081",))

    known = ["www.example.com", "[::1]", "shop.example.com", "localhost", "localhost:6081"]
    assert all(map(answers, known))
    assert not any(map(answers, ["example.com", "wwwxexample.com", "www.example.com.evil.com", ""]))


def test_subdomains_are_answered_where_django_does(site):
    site.ALLOWED_HOSTS = [".Example.com"]

    assert all(map(answers, ["example.com", "a.example.com", "a.b.example.com:8000"]))
    assert not any(map(answers, ["badexample.com", ".example.com.evil"]))


def test_where_the_caches_name_hosts_a_wildcard_adds_none(site):
    site.DUMPER_BACKENDS = varnishes(hosts=("www.example.com",))

    assert answers("www.example.com")
    assert not answers("evil.com")


def test_any_host_is_answered_where_none_is_known_and_that_is_said(site):
    site.ALLOWED_HOSTS = ["*"]

    section = hosts()

    assert section.body == "sub dumper_hosts {\n}"
    assert section.notices == (
        "Any host is handed to Django: ALLOWED_HOSTS names none, nor does HOSTS or DUMPER_HOSTS.",
    )


def test_while_debugging_the_hosts_are_those_of_django(site):
    site.ALLOWED_HOSTS, site.DEBUG = [], True

    assert all(map(answers, ["localhost", "a.localhost", "127.0.0.1:8000", "[::1]"]))


@pytest.mark.parametrize("host", ['a"b', "a b", "*.example.com", "", "a\n", None])
def test_what_is_no_host_is_an_error_that_names_it(site, host):
    site.ALLOWED_HOSTS = [host]

    with pytest.raises(ImproperlyConfigured, match="ALLOWED_HOSTS = .* must be a host, or"):
        hosts()
