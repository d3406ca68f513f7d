"""``manage.py dumper vcl``."""

import grp
import io
import os

import pytest
from django.core.management import CommandError, call_command

from tests.rendering.lexer import strings
from tests.rendering.site import PARTS, TOKEN, varnishes
from tests.varnish import VARNISHD, VCL_FOLDER

OWN_GROUP = grp.getgrgid(os.getgid()).gr_name


def vcl(*arguments):
    """Return what the command prints, and what it says beside it."""
    out, err = io.StringIO(), io.StringIO()
    call_command("dumper", "vcl", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_one_file_with_the_shipped_ones_inside():
    printed, _ = vcl()

    assert printed.count("vcl 4.1;") == 1
    for name in ("dumper_xkey.vcl", *PARTS):
        assert (VCL_FOLDER / name).read_text().partition("vcl 4.1;\n")[2].strip() in printed
    assert not [line for line in printed.splitlines() if line.startswith("include")]
    assert "include" not in printed.replace("Include", "").split("# -- dumper_xkey.vcl --")[0]


def test_every_option_reaches_what_is_rendered(monkeypatch):
    monkeypatch.setenv("OLD_TOKEN", "older")

    printed, _ = vcl(
        *("--backend", "10.0.0.1:80", "--backend", "10.0.0.2:80", "--probe", "/health/"),
        *("--purger", "10.1.0.0/16", "--terminator", "10.2.0.1", "--debugger", "10.3.0.1"),
        *("--previous-token-env", "OLD_TOKEN", "--with", "websockets", "--with", "escapes"),
        *("--public-media", "--purge-listener", "purge"),
    )

    values = ["10.0.0.1", "10.0.0.2", "10.1.0.0", "10.2.0.1", "10.3.0.1", TOKEN, "older", "purge"]
    assert set(values) <= set(strings(printed))
    assert "GET /health/ HTTP/1.1" in strings(printed)
    assert "# -- dumper_websockets.vcl --" in printed
    assert "# -- dumper_escapes.vcl --" in printed
    assert "MEDIA_URL" in printed


def test_nothing_ends_tls_where_that_is_said():
    printed, _ = vcl("--terminator", "10.2.0.1", "--no-terminator")

    assert "acl dumper_terminators {\n}" in printed


def test_the_varnish_is_named_where_there_are_several(site):
    site.DUMPER_BACKENDS = varnishes("inner") | varnishes("outer", token="of-the-outer-one")

    printed, _ = vcl("outer")

    assert "of-the-outer-one" in strings(printed)
    assert TOKEN not in strings(printed)
    with pytest.raises(CommandError, match="name one of inner, outer"):
        vcl()


@pytest.mark.parametrize(
    "method, queries, files",
    [
        ("xkey", ["page"], ["dumper_xkey.vcl", "dumper.vcl"]),
        ("purge", ["page"], ["dumper_variants.vcl", "dumper.vcl"]),
        ("purge", [], ["dumper.vcl"]),
        ("ban", ["page"], ["dumper.vcl"]),
    ],
)
def test_the_method_decides_which_files_are_included(site, tmp_path, method, queries, files):
    site.DUMPER_BACKENDS = varnishes(hosts=("www.example.com",), method=method)
    site.DUMPER_QUERY_PARAMETERS = queries

    vcl("--output", str(tmp_path))

    main = (tmp_path / "main.vcl").read_text()
    assert [line for line in main.splitlines() if line.startswith("include")] == [
        f'include "./{name}";' for name in files
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"main.vcl", *files, *PARTS}
    assert main.count("vcl 4.1;") == 1


@pytest.mark.parametrize(
    ("user", "group", "warned"), [(0, [], True), (0, ["--group", OWN_GROUP], False), (1, [], False)]
)
def test_root_is_told_that_varnishd_reads_as_another_user(
    site, tmp_path, monkeypatch, user, group, warned
):
    monkeypatch.setattr(os, "geteuid", lambda: user)

    _, said = vcl("--output", str(tmp_path), *group)

    assert ("add --group varnish" in said) is warned
    assert f"Start it with: varnishd -a :6081 -f {tmp_path / 'main.vcl'}" in said


def test_unsafe_requests_purge_only_where_tags_do(site):
    printed, _ = vcl("--with", "unsafe")
    assert "# -- dumper_unsafe.vcl --" in printed
    site.DUMPER_BACKENDS = varnishes(hosts=("www.example.com",), method="purge")

    with pytest.raises(CommandError, match="--with = 'unsafe' needs"):
        vcl("--with", "unsafe")


def test_languages_are_there_where_pages_come_in_several(site):
    assert "# -- dumper_languages.vcl --" not in vcl()[0]
    site.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]

    assert "# -- dumper_languages.vcl --" in vcl()[0]


def test_what_is_left_to_django_is_said(site):
    site.DUMPER_PATH_IGNORE_REGEX = "(a+)+"

    assert "DUMPER_PATH_IGNORE_REGEX is left to Django" in vcl()[1]


@pytest.mark.needs("varnishd")
def test_a_check_prints_nothing_but_what_compiles_it():
    assert vcl("--check", "--varnishd", VARNISHD)[0] == ""
    assert f"{VARNISHD} compiles it." in vcl("--check", "--varnishd", VARNISHD)[1]


def test_what_fails_the_check_is_not_written(tmp_path):
    with pytest.raises(CommandError, match="There is no /nowhere"):
        vcl("--check", "--varnishd", "/nowhere", "--output", str(tmp_path / "new"))

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_token_is_an_error(monkeypatch, value):
    monkeypatch.delenv("OLD_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("OLD_TOKEN", value)

    with pytest.raises(CommandError, match="'OLD_TOKEN': that variable is unset or empty"):
        vcl("--previous-token-env", "OLD_TOKEN")


def test_no_error_shows_a_token(site, monkeypatch):
    monkeypatch.setenv("OLD_TOKEN", "hidden token")

    with pytest.raises(CommandError) as caught:
        vcl("--previous-token-env", "OLD_TOKEN")

    assert "hidden" not in str(caught.value)
