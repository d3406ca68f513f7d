"""``--check``: what the varnishd of this machine says."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.choices import EXTRAS, Choices
from dumper_purge.rendering.compiler import compiled_by
from dumper_purge.rendering.document import render
from tests.rendering.site import varnishes
from tests.varnish import VARNISHD

NASTY = 'a"}b{"\\#//*;%22'
SMALL = "vcl 4.1;\nbackend default none;\n"

needs_varnishd = pytest.mark.needs("varnishd")


@pytest.fixture
def binary(tmp_path):
    """Write a program that stands for varnishd."""

    def write(name, script):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return write


@needs_varnishd
@pytest.mark.parametrize("method", ["xkey", "purge", "ban"])
def test_what_is_rendered_compiles_for_every_method(site, method):
    site.DUMPER_BACKENDS = varnishes(hosts=("www.example.com",), method=method)

    assert compiled_by(render(Choices()).whole, VARNISHD)


@needs_varnishd
def test_it_compiles_with_everything_that_can_be_chosen(site, tmp_path):
    site.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]
    site.ALLOWED_HOSTS = [".example.com"]
    site.STATIC_URL, site.MEDIA_URL = "/static/", "/media/"
    choices = Choices(
        backends=(f"unix:{tmp_path}/gunicorn.sock", "127.0.0.1:8001", "[::1]:8002"),
        probe="/health/",
        purgers=("10.0.0.0/8", "2001:db8::/32"),
        terminators=(),
        debuggers=("127.0.0.1",),
        previous_token="older",
        acl_only=True,
        purge_listener="purge",
        extras=EXTRAS,
        public_media=True,
    )

    assert compiled_by(render(choices).whole, VARNISHD)


@needs_varnishd
def test_it_compiles_whatever_the_values_are(site):
    site.DUMPER_BACKENDS = varnishes(token=NASTY)
    site.DUMPER_PATH_IGNORE_REGEX = re.escape(NASTY.replace("%", ""))
    site.SESSION_COOKIE_NAME = site.CSRF_COOKIE_NAME = NASTY
    site.DUMPER_QUERY_PARAMETERS = site.DUMPER_TRACKING_PARAMETERS = [NASTY]
    site.DUMPER_BYPASS_COOKIES = site.DUMPER_HARMLESS_COOKIES = ["a b", NASTY]

    assert compiled_by(render(Choices(previous_token=NASTY)).whole, VARNISHD)


@needs_varnishd
def test_what_does_not_compile_is_shown_without_a_token():
    text = f'{SMALL}sub vcl_recv {{ set req.http.Dumper-Token-Wanted = "hidden" nonsense; }}\n'

    with pytest.raises(ImproperlyConfigured, match="does not compile it:") as caught:
        compiled_by(text, VARNISHD)

    assert "hidden" not in str(caught.value)
    assert "(the line of a token)" in str(caught.value)


@needs_varnishd
@pytest.mark.parametrize(
    "vmod, remedy",
    [("nowhere", "install it"), ("xkey", r"install varnish-modules, or set OPTIONS\['method'\]")],
)
def test_a_vmod_that_is_missing_is_named_with_its_remedy(binary, vmod, remedy):
    said = f"echo 'Could not find VMOD {vmod}' >&2; exit 2"

    with pytest.raises(ImproperlyConfigured, match=f"has no vmod {vmod}: {remedy}"):
        compiled_by(SMALL, binary("varnishd", said))


@needs_varnishd
def test_varnishd_itself_says_which_vmod_is_missing():
    with pytest.raises(ImproperlyConfigured, match="has no vmod nowhere: install it"):
        compiled_by(f"{SMALL}import nowhere;\n", VARNISHD)


def test_vinyld_is_found_where_there_is_no_varnishd(binary, monkeypatch, tmp_path):
    vinyld = binary("vinyld", "exit 0")
    monkeypatch.setattr("dumper_purge.rendering.compiler._PATH", str(tmp_path))

    assert compiled_by(SMALL, None) == vinyld


def test_a_machine_without_either_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("dumper_purge.rendering.compiler._PATH", str(tmp_path))

    with pytest.raises(ImproperlyConfigured, match="no varnishd or vinyld: install Varnish, or"):
        compiled_by(SMALL, None)
    with pytest.raises(ImproperlyConfigured, match="There is no /nowhere/varnishd"):
        compiled_by(SMALL, "/nowhere/varnishd")


def test_what_cannot_be_run_is_named(tmp_path):
    broken = tmp_path / "varnishd"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)

    with pytest.raises(ImproperlyConfigured, match="--varnishd = .* cannot be run"):
        compiled_by(SMALL, str(broken))
