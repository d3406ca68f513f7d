"""From DUMPER_BACKENDS to backends, or to an error that names alias, value and remedy."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends import configured, problems
from dumper_purge.backends.base import BaseBackend
from dumper_purge.backends.dummy import DummyBackend
from dumper_purge.backends.page_cache import PageCacheBackend
from dumper_purge.backends.varnish import VarnishBackend

VARNISH = "dumper_purge.backends.varnish.VarnishBackend"
DUMMY = "dumper_purge.backends.dummy.DummyBackend"


def varnish(location="http://127.0.0.1:6081", hosts=("example.com",), **options):
    options = {"token": "secret-token", **options}
    return {"BACKEND": VARNISH, "LOCATION": location, "HOSTS": list(hosts), "OPTIONS": options}


def test_with_no_setting_the_page_cache_is_the_one_backend():
    (backend,) = configured()

    assert isinstance(backend, PageCacheBackend)
    assert backend.alias == "page_cache"


def test_backends_stand_in_the_order_of_the_setting(settings):
    settings.DUMPER_BACKENDS = {
        "pages": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
        "edge": varnish(["http://a:1", "http://b:2", "http://a:1"], ["WWW.Example.com:8000"]),
        "none": {"BACKEND": DUMMY},
    }

    pages, edge, none = configured()

    assert (pages.alias, edge.alias, none.alias) == ("pages", "edge", "none")
    assert isinstance(none, DummyBackend)
    assert edge.nodes == ("http://a:1", "http://b:2")
    assert edge.hosts == ("www.example.com:8000",)


def test_the_same_backends_are_kept_until_a_setting_changes(settings):
    first = configured()
    assert configured() is first

    settings.DUMPER_TTL = 60
    assert configured() is not first


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"BACKEND": "nowhere.Backend"}, ["nowhere.Backend", "cannot be imported"]),
        ({"BACKEND": "nodots"}, ["nodots", "cannot be imported"]),
        ({"BACKEND": "dumper_purge.batch.PurgeBatch"}, ["PurgeBatch", "BaseBackend"]),
        ({"BACKEND": "dumper_purge.conf.current"}, ["current", "BaseBackend"]),
        ({"BACKEND": DUMMY, "LOCATION": 5}, ["LOCATION", "list of str"]),
        ({"BACKEND": DUMMY, "LOCATION": [5]}, ["LOCATION", "list of str"]),
        ({"BACKEND": DUMMY, "OPTIONS": []}, ["OPTIONS", "dict"]),
        ({"BACKEND": DUMMY, "OPTIONS": {"sfot": True}}, ["sfot", "bypasses_session_cookie"]),
        ({"BACKEND": DUMMY, "OPTIONS": {"alias": "x"}}, ["alias", "unknown option"]),
        ({"BACKEND": VARNISH, "LOCATION": "http://a"}, ["token", "missing", "a str"]),
        (varnish(method="post"), ["method", "'post'", "'purge', 'xkey', 'ban'"]),
        (varnish(soft=1), ["soft", "1", "True or False"]),
        (varnish(repeat_after="2"), ["repeat_after", "a number or None"]),
        (varnish(max_urls=True), ["max_urls", "whole number"]),
        (varnish(max_urls=0), ["max_urls", "above 0"]),
        (varnish(connect_timeout=-1), ["connect_timeout", "above 0"]),
        (varnish(location=[]), ["LOCATION", "http://127.0.0.1:6081"]),
        (varnish(location="varnish:6081"), ["LOCATION", "varnish:6081", "must be like"]),
        (varnish(location="http://a/path"), ["LOCATION", "http://a/path", "no path"]),
        (varnish(hosts=[]), ["HOSTS", "must list the site's hosts"]),
    ],
)
def test_a_wrong_backend_is_named_with_its_remedy(settings, entry, words):
    settings.DUMPER_BACKENDS = {"edge": entry}

    with pytest.raises(ImproperlyConfigured) as raised:
        configured()

    for word in ["DUMPER_BACKENDS['edge']", *words]:
        assert word in str(raised.value)
    assert "secret-token" not in str(raised.value)


@pytest.mark.parametrize("token", ["", "secret-token\n", "secret token", "sécret-token", 5, None])
def test_a_wrong_token_is_not_repeated(settings, token):
    settings.DUMPER_BACKENDS = {"edge": varnish(token=token)}

    with pytest.raises(ImproperlyConfigured, match="token") as raised:
        configured()

    assert token in ("", 5, None) or str(token).strip() not in str(raised.value)


def test_credentials_in_a_location_are_not_repeated(settings):
    settings.DUMPER_BACKENDS = {"edge": varnish("http://user:pa55@varnish:6081")}

    with pytest.raises(ImproperlyConfigured, match="credentials") as raised:
        configured()

    assert "pa55" not in str(raised.value)


def test_the_error_of_every_backend_is_found(settings):
    settings.DUMPER_BACKENDS = {
        "one": {"BACKEND": "nowhere.Backend"},
        "two": {"BACKEND": DUMMY},
        "three": varnish(soft="yes"),
    }

    found = [str(problem) for problem in problems()]

    assert len(found) == 2
    assert "'one'" in found[0]
    assert "'three'" in found[1]


def test_a_list_is_as_good_as_a_tuple(settings):
    settings.DUMPER_BACKENDS = {"edge": varnish(("http://a:1",), ("a.example", "A.example"))}

    (edge,) = configured()

    assert edge.hosts == ("a.example",)


def test_a_secret_is_not_in_the_repr(settings):
    settings.DUMPER_BACKENDS = {"edge": varnish()}

    assert "secret-token" not in repr(configured())


def test_a_varnish_needs_no_hosts_for_tags(settings):
    settings.DUMPER_BACKENDS = {"edge": varnish(hosts=[], method="xkey")}

    (edge,) = configured()

    assert isinstance(edge, VarnishBackend)


@dataclass(frozen=True, kw_only=True)
class OwnBackend(BaseBackend):
    """What a user may write."""

    headers: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    chooses: Callable[[str], bool] | None = None
    ratio: float = 0.5


def test_a_backend_of_ones_own_may_have_options_of_any_type(settings):
    options = {"headers": {"a": "b"}, "names": ["x"], "chooses": str.isalpha, "ratio": 1}
    own = {"BACKEND": f"{__name__}.OwnBackend", "OPTIONS": options}
    settings.DUMPER_BACKENDS = {"own": own}

    (backend,) = configured()

    assert (backend.headers, backend.names, backend.ratio) == ({"a": "b"}, ("x",), 1)


@pytest.mark.parametrize(
    "options, words",
    [({"headers": 5}, "headers.*dict"), ({"names": ["x", 5]}, "names.*a list, each a str")],
)
def test_a_wrong_option_of_such_a_backend_is_named(settings, options, words):
    own = {"BACKEND": f"{__name__}.OwnBackend", "OPTIONS": options}
    settings.DUMPER_BACKENDS = {"own": own}

    with pytest.raises(ImproperlyConfigured, match=words):
        configured()
