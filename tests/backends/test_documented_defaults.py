"""The defaults of OPTIONS are those that the README states."""

from dataclasses import MISSING

import pytest

from dumper_purge.backends.akamai import AkamaiBackend
from dumper_purge.backends.api import ApiBackend
from dumper_purge.backends.azure import AzureFrontDoorBackend
from dumper_purge.backends.bunny import BunnyBackend
from dumper_purge.backends.cloudflare import CloudflareBackend
from dumper_purge.backends.cloudfront import CloudFrontBackend
from dumper_purge.backends.fastly import FastlyBackend
from dumper_purge.backends.generic import GenericHTTPBackend
from dumper_purge.backends.google import GoogleCloudBackend
from dumper_purge.backends.nginx import NginxBackend
from dumper_purge.backends.squid import SquidBackend
from dumper_purge.backends.varnish import VarnishBackend
from tests.backends.documented import (
    default,
    entry,
    in_brackets,
    in_table,
    otherwise,
    rows,
    section,
)

API = "https://api.cdn.example"
TOKENS = {"client_token": "c", "client_secret": "s", "access_token": "a"}
NAMES = ("subscription_id", "resource_group", "profile", "endpoint")
TEMPLATES = {name: {"path": "/", "text": "{item}"} for name in ("tags", "urls")}
NEEDED = {
    AkamaiBackend: {"base_url": API, **TOKENS},
    AzureFrontDoorBackend: dict.fromkeys(NAMES, "parlour"),
    BunnyBackend: {"pull_zone": 1, "access_key": "k"},
    CloudflareBackend: {"zone_id": "0" * 32, "token": "t"},
    CloudFrontBackend: {"distribution_id": "E1"},
    FastlyBackend: {"service_id": "SU1Z", "token": "t"},
    GenericHTTPBackend: {"base_url": API, "operations": TEMPLATES, "tag_field": "Cache-Tag"},
    GoogleCloudBackend: {"project": "parlour", "url_map": "web"},
}
"""What cannot be left out of a CDN's OPTIONS."""
COMMON = next(f"{part}\n" for part in section("CDNs").split("\n\n") if "``concurrency``" in part)
MEANINGS = {options: meaning for options, _, meaning in rows(COMMON)}
SAID = {cells[0]: cells[1] for cells in rows(section("CDNs")) if len(cells) == 2}
"""What the table of CDNs says, by the names in its first column."""


@pytest.fixture(params=NEEDED, ids=lambda cls: cls.__name__)
def cls(request):
    """Each CDN."""
    return request.param


def said_of(cls):
    return next(text for names, text in SAID.items() if cls.__name__ in names)


def built(cls, **options):
    return cls(alias="edge", hosts=("a.example",), **NEEDED[cls], **options)


def common_defaults(cls):
    """Return what the table of common OPTIONS says, with its exceptions for one CDN."""
    stated = in_table(COMMON)
    for options, meaning in MEANINGS.items():
        if cls in (exceptions := otherwise(meaning, NEEDED)):
            stated[options.strip("`")] = exceptions[cls]
    if cls is CloudflareBackend and "Cloudflare both" in MEANINGS["``schemes``"]:
        stated["schemes"] = ("http", "https")
    if cls is AzureFrontDoorBackend and "Azure knows only that" in MEANINGS["``method``"]:
        stated["method"] = "url"
    return stated


def left_out(cls, name):
    """Return what an option comes to where it is left out, which may depend on others."""
    option = getattr(built(cls), name)
    return cls.repeat_default if (name, option) == ("repeat_after", None) else option


def test_the_table_of_varnish_states_each_default():
    stated = in_table(entry(VarnishBackend))

    assert len(stated) == 12
    assert {name: default(VarnishBackend, name) for name in stated} == stated


def test_varnish_is_purged_again_when_the_table_says():
    assert "``None``: 2 where no waiting PURGE covers it" in entry(VarnishBackend)
    assert VarnishBackend.repeat_default == 2


@pytest.mark.parametrize(("proxy", "count"), [(NginxBackend, 8), (SquidBackend, 3)])
def test_the_defaults_of_a_proxy_stand_in_brackets(proxy, count):
    stated = in_brackets(entry(proxy))
    repeat = stated.pop("repeat_after", proxy.repeat_default)

    assert len(stated) == count
    assert {name: default(proxy, name) for name in stated} == stated
    assert (default(proxy, "repeat_after"), proxy.repeat_default) == (None, repeat)


def test_squid_has_the_defaults_of_nginx_where_the_text_says_so():
    text = entry(SquidBackend)

    assert "``token``, ``header``, ``repeat_after`` and the timeouts as for nginx" in text
    for name in ("token", "header", "repeat_after", "connect_timeout", "read_timeout"):
        assert default(SquidBackend, name) == default(NginxBackend, name)
    assert SquidBackend.repeat_default == NginxBackend.repeat_default


def test_what_the_table_of_cdns_says_are_the_defaults(cls):
    stated = in_brackets(said_of(cls))

    assert {name: default(cls, name) for name in stated} == stated


def test_the_table_of_cdns_has_each_and_states_so_many_defaults():
    assert len(SAID) == len(NEEDED)
    assert sum(len(in_brackets(said_of(cls))) for cls in NEEDED) == 30


@pytest.mark.parametrize(
    ("cls", "words", "seconds"),
    [
        (CloudFrontBackend, "Second purge after 30 s", 30),
        (GoogleCloudBackend, "Second purge after 15 s", 15),
        (AzureFrontDoorBackend, "up to 20 minutes, and the second one comes then", 20 * 60),
    ],
)
def test_the_table_of_cdns_says_when_the_second_purge_comes(cls, words, seconds):
    assert words in said_of(cls)
    assert left_out(cls, "repeat_after") == seconds


def test_the_common_defaults_are_those_of_what_all_cdns_stand_on():
    stated = in_table(COMMON)
    repeat = stated.pop("repeat_after")

    assert len(stated) == 9
    assert {name: default(ApiBackend, name) for name in stated} == stated
    assert (default(ApiBackend, "repeat_after"), ApiBackend.repeat_default) == (None, repeat)


def test_a_cdn_has_the_common_defaults_but_where_the_table_says_otherwise(cls):
    stated = common_defaults(cls)

    assert {name: left_out(cls, name) for name in stated} == stated


def test_bunny_has_another_limit_for_urls():
    assert "bunny.net 600 tags or 80 URLs" in MEANINGS["``max_items``"]
    assert built(BunnyBackend, method="url").max_items == 80


def test_only_those_that_the_table_names_have_no_limit_of_calls(cls):
    unlimited = {FastlyBackend, CloudFrontBackend, GenericHTTPBackend}

    assert "Fastly, CloudFront and ``generic``: no limit" in MEANINGS["``rate``, ``burst``"]
    assert (built(cls).rate is None) is (cls in unlimited)


def test_the_place_of_the_api_is_required_where_the_table_says_so(cls):
    assert "required for Akamai and ``generic``" in MEANINGS["``base_url``"]
    required = cls in {AkamaiBackend, GenericHTTPBackend}

    assert (default(cls, "base_url") is MISSING) is required
