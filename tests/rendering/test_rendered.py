"""A real varnishd with what was rendered: each setting, seen from outside."""

import http.client
from contextlib import closing

import pytest
from django.test import override_settings

from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.document import render
from dumper_purge.rendering.varnish import varnish
from tests.rendering.origin import listening, listening_on
from tests.rendering.site import varnishes
from tests.varnish import Varnishd

pytestmark = pytest.mark.needs("varnishd")

HOST = "www.example.com"
TOKEN = 'a"}b{"\\#%22'
SITE = {
    "ALLOWED_HOSTS": [HOST, ".example.org"],
    "MIDDLEWARE": ["django.middleware.locale.LocaleMiddleware"],
    "LANGUAGES": [("en", "English"), ("pt-br", "Brazilian Portuguese")],
    "STATIC_URL": "/static/",
    "SESSION_COOKIE_NAME": 's"id',
    "CSRF_COOKIE_NAME": "t.k",
    "DUMPER_PATH_IGNORE_REGEX": r'(?i)^/(?:admin|a"i)/\Z',
    "DUMPER_QUERY_PARAMETERS": ["page"],
    "DUMPER_TRACKING_PARAMETERS": ["track_*"],
    "DUMPER_BACKENDS": varnishes(hosts=(HOST,), token=TOKEN),
}


def rendered(**choices):
    return render(Choices(**choices)).whole


@pytest.fixture(scope="module")
def edge():
    with listening() as one, listening() as two, override_settings(**SITE):
        backends = (f"127.0.0.1:{one}", f"127.0.0.1:{two}")
        vcl = rendered(backends=backends, previous_token="older", probe="/health/")
        with Varnishd(vcl) as running:
            yield running


def ask(edge, path, method="GET", host=HOST, **headers):
    """Return status, Cache-Status and what the origin saw."""
    with closing(http.client.HTTPConnection("127.0.0.1", edge.port, timeout=10)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": host, **named})
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, response.headers.get("Cache-Status", ""), text


def is_stored(edge, path, **headers):
    ask(edge, path, **headers)
    return "; hit" in ask(edge, path, **headers)[1]


@pytest.mark.parametrize("host", [HOST, "a.b.example.org", "example.org:8000", "WWW.example.com."])
def test_a_host_of_the_site_is_answered(edge, host):
    assert ask(edge, "/hosts/", host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.com", "wwwxexample.com", "www.example.com.evil.com"])
def test_no_other_host_is(edge, host):
    assert ask(edge, "/hosts/", host=host)[0] == 421


def test_a_page_is_stored(edge):
    assert is_stored(edge, "/page/")


@pytest.mark.parametrize("path", ["/admin/", "/ADMIN/?page=2"])
def test_what_is_ignored_is_not(edge, path):
    assert not is_stored(edge, path)


def test_what_begins_like_it_is(edge):
    assert is_stored(edge, "/admin/x")


@pytest.mark.parametrize("cookie", ['s"id=1', "messages=1", "a=b; django_language=de"])
def test_a_private_cookie_keeps_a_page_out(edge, cookie):
    assert not is_stored(edge, "/private/", Cookie=cookie)
    assert f"Cookie: {cookie}" in ask(edge, "/private/", Cookie=cookie)[2]


def test_django_gets_the_cookies_that_the_settings_name(edge):
    text = ask(edge, "/kept/", Cookie="a=1; t.k=2; txk=3; b=4")[2]

    assert "\nCookie: t.k=2\n" in text


def test_static_files_are_stored_for_those_who_have_a_session_too(edge):
    assert is_stored(edge, "/static/a.css", Cookie='s"id=1')


@pytest.mark.parametrize(
    "asked, language",
    [("de, pt;q=0.9, en;q=0.8", "pt-br"), ("en-GB", "en"), ("PT-br,en", "pt-br"), ("de", "None")],
)
def test_a_page_has_one_variant_for_each_language(edge, asked, language):
    path = f"/languages/{language}/{len(asked)}"

    assert f"Accept-Language: {language}" in ask(edge, path, Accept_Language=asked)[2]


def test_tracking_parameters_are_taken_away(edge):
    assert ask(edge, "/tracked/?track_me=1&page=2")[2].startswith("/tracked/?page=2\n")


def test_declared_parameters_are_stored_and_no_others(edge):
    assert is_stored(edge, "/queries/?page=1")
    assert not is_stored(edge, "/queries/?other=1")


@pytest.mark.parametrize("token", [TOKEN, "older"])
def test_both_tokens_purge(edge, token):
    assert ask(edge, "/tokens/", "PURGE", Dumper_Token=token)[0] == 200


@pytest.mark.parametrize("token", ["", "a", "newer"])
def test_no_other_does(edge, token):
    assert ask(edge, "/tokens/", "PURGE", Dumper_Token=token)[0] == 405


def test_the_backend_of_the_settings_purges_it(edge, settings):
    settings.DUMPER_BACKENDS = varnishes(hosts=(HOST,), token=TOKEN)
    assert is_stored(edge, "/purged/")

    varnish(None).send(PurgeBatch(prefixes=frozenset({"/purged"})), edge.url)

    assert "; hit" not in ask(edge, "/purged/")[1]


def test_the_backend_of_other_settings_is_refused(edge, settings):
    settings.DUMPER_BACKENDS = varnishes(hosts=(HOST,))

    with pytest.raises(Rejected):
        varnish(None).send(PurgeBatch.of(["/purged/"]), edge.url)


@pytest.mark.parametrize("host", [HOST, "a.b.example.org"])
def test_a_purge_of_a_path_covers_its_declared_queries(site, host):
    for name, value in SITE.items():
        setattr(site, name, value)
    site.DUMPER_BACKENDS = varnishes(
        hosts=(host,), token=TOKEN, method="purge", query_variants=True
    )
    pages = ["/many/", "/many/?page=2", "/many/?page=3&track_me=1"]

    with listening() as port, Varnishd(rendered(backends=(f"127.0.0.1:{port}",))) as edge:
        assert varnish(None).covers_queries
        assert all(is_stored(edge, page, host=host) for page in [*pages, "/other/?page=2"])

        varnish(None).send(PurgeBatch.of(["/many/"]), edge.url)

        outcomes = ["; hit" in ask(edge, page, host=host)[1] for page in [*pages, "/other/?page=2"]]
        assert outcomes == [False, False, False, True]


def test_backends_take_turns_and_the_probe_finds_both_well(edge):
    shown = edge.adm("backend.list")

    assert shown.count("healthy") >= 2


def test_django_may_listen_on_a_socket(site, tmp_path):
    site.ALLOWED_HOSTS = [HOST]
    tmp_path.chmod(0o755)
    with (
        listening_on(tmp_path / "gunicorn.sock"),
        Varnishd(rendered(backends=(f"unix:{tmp_path}/gunicorn.sock",))) as edge,
    ):
        assert ask(edge, "/")[0] == 200


def test_nothing_is_purged_through_the_listener_of_visitors(site):
    site.ALLOWED_HOSTS = [HOST]
    site.DUMPER_BACKENDS = varnishes(hosts=(HOST,), token=TOKEN)

    with listening() as port:
        vcl = rendered(backends=(f"127.0.0.1:{port}",), purge_listener="purge")
        with Varnishd(vcl) as edge:
            assert ask(edge, "/", "PURGE", Dumper_Token=TOKEN)[0] == 405
            assert ask(edge, "/", "PURGE", Dumper_Token=TOKEN, xkey_purge="a")[0] == 405


def test_an_address_alone_purges_where_that_is_chosen(site):
    site.ALLOWED_HOSTS = [HOST]

    with Varnishd(rendered(acl_only=True, terminators=())) as edge:
        assert ask(edge, "/", "PURGE")[0] == 200
    with Varnishd(rendered(acl_only=True, terminators=(), purgers=("192.0.2.1",))) as edge:
        assert ask(edge, "/", "PURGE")[0] == 405
