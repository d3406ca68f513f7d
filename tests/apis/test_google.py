"""What Google Cloud CDN is sent, how it is signed, and what is made of its answers and settings."""

import base64
import importlib.util
import json
import os
import time
from pathlib import Path
from uuid import UUID

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.escalation import wildcard_path
from dumper_purge.backends.options import build
from dumper_purge.backends.pairs import conflicts
from dumper_purge.backends.vendors import google_signer
from dumper_purge.backends.vendors.google_signer import signer
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.server import HANG, RESET, Answer, serving
from tests.apis.vendors import google as vendor

BACKEND = "dumper_purge.backends.google.GoogleCloudBackend"
COMPUTE = "https://compute.googleapis.com/compute/v1/projects/parlour/global"
INVALIDATE = f"{COMPUTE}/urlMaps/site/invalidateCache"
HOST = "www.example.com"
NEWS = PurgeBatch(paths=frozenset({"/news/"}))
POLICY = {
    "cacheMode": "USE_ORIGIN_HEADERS",
    "serveWhileStale": 0,
    "negativeCaching": False,
    "cacheKeyPolicy": {
        "includeProtocol": True,
        "includeHost": True,
        "includeQueryString": True,
    },
}


def google(hosts=(HOST,), **options):
    key = {"service_account_file": vendor.key_file()}
    options = {"project": "parlour", "url_map": "site", **key, **options}
    return build("google", {"BACKEND": BACKEND, "HOSTS": list(hosts), "OPTIONS": options})


@pytest.fixture
def api():
    """Accept every purge; what was sent is in ``api.calls``."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(INVALIDATE, json=vendor.OPERATION)
        yield mock


def rules(api):
    return [json.loads(call.request.body) for call in api.calls]


def outgoing(**changes):
    values = {
        "ttl": 31_536_000, "grace": 60, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
        "vary": frozenset(), "has_query": False, "implied_tags": ("everything", "p1"),
        "own_tags": ("menu",),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def headers(backend, **changes):
    return storable([backend], HOST, "max-age=0, must-revalidate", outgoing(**changes))


# What is sent


def test_a_path_is_purged_by_its_tag(api):
    google().send(NEWS, "google")

    request = api.calls[0].request
    assert request.method == "POST"
    assert request.url.startswith(f"{INVALIDATE}?requestId=")
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == b'{"cacheTags": ["%s"]}' % path_tag("/news/").encode()


def test_ten_tags_are_purged_in_a_call(api):
    google().send(PurgeBatch(paths=frozenset(f"/{number}/" for number in range(25))), "google")

    assert sorted(len(rule["cacheTags"]) for rule in rules(api)) == [5, 10, 10]


def test_every_call_has_a_request_id_of_its_own(api):
    google().send(PurgeBatch(paths=frozenset(f"/{number}/" for number in range(25))), "google")

    ids = {UUID(call.request.params["requestId"]) for call in api.calls}
    assert len(ids) == 3
    assert UUID(int=0) not in ids


def test_a_call_that_is_made_again_has_the_same_request_id():
    def answers(request, number):
        return RESET if number == 0 else Answer(200, vendor.OPERATION)

    with serving(answers) as server:
        google(base_url=server.url).send(NEWS, "google")

    assert len(server.received) == 2
    assert len({request.target for request in server.received}) == 1


def test_a_tag_that_is_no_http_token_is_purged_and_sent_as_a_hash(api):
    google().send(PurgeBatch(tags=frozenset({"shop.flavour:5"})), "google")
    sent = headers(google(), own_tags=("shop.flavour:5",))["Cache-Tag"]

    (rule,) = rules(api)
    assert set(rule["cacheTags"]) & set(sent.split(","))
    assert ":" not in sent


@pytest.mark.parametrize(
    ("batch", "rule"),
    [
        ({"paths": {"/news/"}}, {"host": HOST, "path": "/news/"}),
        ({"urls": {f"https://{HOST}/a"}}, {"host": HOST, "path": "/a"}),
        ({"prefixes": {"/news/20"}}, {"host": HOST, "path": "/news/*"}),
        ({"prefixes": {"/news/"}}, {"host": HOST, "path": "/news/*"}),
        ({"patterns": {"/news/[0-9]+/"}}, {"host": HOST, "path": "/news/*"}),
        ({"paths": {"/a/2*3/x/"}}, {"host": HOST, "path": "/a/*"}),
    ],
    ids=["path", "URL", "prefix", "folder", "pattern", "path with an asterisk"],
)
def test_urls_are_purged_by_host_and_path(api, batch, rule):
    members = {name: frozenset(values) for name, values in batch.items()}

    google(method="url").send(PurgeBatch(**members), "google")

    assert rules(api) == [rule]


def test_a_prefix_that_is_no_folder_is_purged_by_the_tag_of_its_folder(api):
    google().send(PurgeBatch(prefixes=frozenset({"/news/20"})), "google")

    (rule,) = rules(api)
    assert set(rule) == {"cacheTags"}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/a/b", "/a/b"),
        ("/a/*", "/a/*"),
        ("/a*", "/*"),
        ("/a/b*c/d/*", "/a/*"),
        ("/*/a", "/*"),
    ],
)
def test_an_asterisk_stands_at_the_end_after_a_slash(path, pattern):
    assert wildcard_path(path) == pattern


def test_everything_of_hosts_is_purged_host_by_host(api):
    google(["a.example", "b.example"]).send(PurgeBatch(everything=True), "google")

    hosts = {rule["host"] for rule in rules(api)}
    assert hosts == {"a.example", "b.example"}
    assert {rule["path"] for rule in rules(api)} == {"/*"}


def test_everything_is_all_that_the_url_map_serves(api):
    google([]).send(PurgeBatch(everything=True), "google")

    assert rules(api) == [{"path": "/*"}]


def test_an_empty_batch_asks_nothing(api):
    google().send(PurgeBatch(), "google")

    assert not api.calls


def test_each_host_has_its_own_url_map(api):
    api.post(f"{COMPUTE}/urlMaps/other/invalidateCache", json=vendor.OPERATION)
    batch = PurgeBatch(urls=frozenset({"https://a.example/x/", "https://b.example/y/"}))

    google(["a.example"], method="url").send(batch, "google")
    google(["b.example"], method="url", url_map="other").send(batch, "google")

    assert rules(api) == [
        {"host": "a.example", "path": "/x/"},
        {"host": "b.example", "path": "/y/"},
    ]
    assert "/urlMaps/other/" in api.calls[1].request.url


# Signatures


def claims(request):
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_a_key_file_signs_each_call_without_asking_a_server_for_a_token(api):
    google().send(NEWS, "google")

    assert len(api.calls) == 1
    found = claims(api.calls[0].request)
    assert found["iss"] == "purger@parlour.iam.gserviceaccount.com"
    assert found["scope"] == "https://www.googleapis.com/auth/compute"


def test_default_credentials_are_used_where_there_is_no_file(api, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", vendor.key_file())
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "parlour")
    api.post("https://oauth2.googleapis.com/token", json={"access_token": "t0", "expires_in": 3600})
    signer.cache_clear()

    google(service_account_file="").send(NEWS, "google")
    google(service_account_file="").send(NEWS, "google")

    asked = [call.request for call in api.calls if call.request.url.startswith(INVALIDATE)]
    assert [request.headers["Authorization"] for request in asked] == ["Bearer t0"] * 2
    assert len(api.calls) == 3


def test_a_server_of_tokens_that_fails_is_tried_again(api, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", vendor.key_file())
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "parlour")
    api.post("https://oauth2.googleapis.com/token", status=400, json={"error": "invalid_grant"})
    signer.cache_clear()

    with pytest.raises(Transient, match="google cannot be called: RefreshError") as caught:
        google(service_account_file="").send(NEWS, "google")

    assert caught.value.left == NEWS
    assert not [call for call in api.calls if call.request.url.startswith(INVALIDATE)]


def test_a_key_file_that_is_none_is_tried_again(api, tmp_path):
    path = tmp_path / "key.json"
    path.write_text("{}")

    with pytest.raises(Transient, match="google cannot be called: MalformedError"):
        google(service_account_file=str(path)).send(NEWS, "google")


def test_a_server_of_tokens_that_hangs_is_not_waited_for_long(api, monkeypatch, tmp_path):
    monkeypatch.setattr(google_signer, "_LONGEST", 0.2)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "parlour")
    signer.cache_clear()
    with serving(HANG) as server:
        api.add_passthru(server.url)
        key = json.loads(Path(vendor.key_file()).read_text()) | {"token_uri": server.url}
        file = tmp_path / "key.json"
        file.write_text(json.dumps(key))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        began = time.monotonic()

        with pytest.raises(Transient, match="google cannot be called: "):
            google(service_account_file="").send(NEWS, "google")

    assert time.monotonic() - began < 10
    assert server.received


def test_the_calls_of_a_purge_do_not_wait_one_by_one_for_a_token(api, monkeypatch, tmp_path):
    monkeypatch.setattr(google_signer, "_LONGEST", 0.3)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "parlour")
    signer.cache_clear()
    paths = PurgeBatch(paths=frozenset(f"/{number}/" for number in range(300)))
    with serving(HANG) as server:
        api.add_passthru(server.url)
        key = json.loads(Path(vendor.key_file()).read_text()) | {"token_uri": server.url}
        file = tmp_path / "key.json"
        file.write_text(json.dumps(key))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

        with pytest.raises(Transient, match="google cannot be called: "):
            google(service_account_file="").send(paths, "google")

    assert len(server.received) <= 3  # of eight threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_child_does_not_wait_for_a_lock_that_another_thread_of_its_parent_holds():
    backend = google()
    signer_of_parent = backend.auth()

    child = os.fork()
    if child == 0:
        os._exit(backend.auth() is signer_of_parent)

    assert os.waitpid(child, 0)[1] == 0


def test_nothing_of_the_key_is_shown():
    backend = google()

    shown = repr(backend) + repr(backend.auth())

    assert vendor.key().splitlines()[1] not in shown


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    def missing(name, package=None):
        raise ModuleNotFoundError("No module named 'google'", name="google")

    monkeypatch.setattr(importlib.util, "find_spec", missing)

    with pytest.raises(ImproperlyConfigured) as caught:
        google()

    assert str(caught.value) == (
        "DUMPER_BACKENDS['google'] needs google.auth: run pip install"
        " 'django-dumper-purge[google]'."
    )


# Answers


def test_an_operation_that_runs_is_success(api):
    assert google().call("purge_tags", ["menu"])[1] is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (vendor.error(400, "invalid", "Invalid value for field 'resource.path'"), Rejected),
        (vendor.error(400, "badRequest", "Bad"), Rejected),
        (vendor.error(401, "authError", "Invalid Credentials"), Rejected),
        (vendor.error(403, "forbidden", "Required permission"), Rejected),
        (vendor.error(403, "accessNotConfigured", "API has not been used"), Rejected),
        (vendor.error(403, "rateLimitExceeded", "Rate Limit Exceeded"), Transient),
        (vendor.error(403, "userRateLimitExceeded", "Rate Limit Exceeded"), Transient),
        (vendor.error(403, "quotaExceeded", "Quota exceeded"), Transient),
        (vendor.error(404, "notFound", "was not found"), Rejected),
        (vendor.error(429, "rateLimitExceeded", "Rate Limit Exceeded"), Transient),
        (vendor.error(500, "backendError", "Backend Error"), Transient),
        (vendor.error(503, "backendError", "Backend Error"), Transient),
        (Answer(200, vendor.OPERATION | {"error": {"errors": [{"code": "X"}]}}), Transient),
        (Answer(200, {"kind": "storage#bucket"}), Transient),
    ],
)
def test_an_error_is_tried_again_or_kept_as_failed(answer, error):
    with responses.RequestsMock() as api:
        api.post(INVALIDATE, body=answer.encoded, status=answer.status)

        with pytest.raises(error) as caught:
            google().send(NEWS, "google")

    assert caught.value.left == NEWS


def test_an_exceeded_rate_is_waited_for_though_nobody_says_how_long():
    answer = vendor.error(403, "rateLimitExceeded", "Rate Limit Exceeded")
    with responses.RequestsMock() as api:
        api.post(INVALIDATE, body=answer.encoded, status=403)

        with pytest.raises(Transient) as caught:
            google().send(NEWS, "google")

    assert caught.value.retry_after == 5


# Options


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"project": "My project"}, r"\['project'\] = 'My project' must be a name such as"),
        ({"url_map": "../x"}, r"\['url_map'\] = '../x' must be a name such as"),
        ({"url_map": 5}, r"\['url_map'\] = 5 must be a str"),
        ({"service_account_file": "/no/key"}, r"'/no/key' must be a JSON key file"),
        ({"service_account_file": "k" * 300}, "must be a JSON key file"),
        ({"soft": True}, r"\['soft'\] must be False: this cache knows no soft purge"),
        ({"vary": "Accept"}, r"\['vary'\] = 'Accept' must be a list, each a str"),
        ({"base_url": "http://compute.example"}, r"must begin with https://"),
        ({"token": "x"}, "unknown option 'token'"),
    ],
)
def test_a_bad_option_is_named(options, problem):
    with pytest.raises(ImproperlyConfigured, match=problem):
        google(**options)


def test_urls_need_hosts():
    with pytest.raises(ImproperlyConfigured, match=r"\['HOSTS'\] must list the site's hosts"):
        google([], method="url")


def test_the_second_purge_comes_when_the_first_is_everywhere():
    assert google().repeat_delay(NEWS) == 15.0


def test_no_more_than_500_calls_are_made_in_any_minute():
    backend = google()

    assert backend.burst + 60 * backend.rate <= 500


# Headers


def test_a_page_carries_its_ttl_for_shared_caches_and_its_tags_between_commas():
    assert headers(google()) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "Cache-Tag": "everything,p1,menu",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"vary": frozenset({"accept-language"})},
        {"ttl": 0},
        {"implied_tags": tuple(f"tag-{number}" for number in range(50))},
    ],
    ids=["varies", "has no TTL", "has 51 tags"],
)
def test_what_must_not_be_stored_says_so_and_has_no_tag(changes):
    assert headers(google(), **changes) == {"Cache-Control": "max-age=0, must-revalidate, private"}


@pytest.mark.parametrize("member", ["accept", "accept-encoding", "origin", "accept-language"])
def test_what_google_keeps_variants_for_may_vary(member):
    backend = google(vary=["Accept-Language"])

    assert "Cache-Tag" in headers(backend, vary=frozenset({member}))


def test_a_page_with_a_query_is_stored_since_every_purge_covers_it():
    assert "s-maxage" in headers(google(method="url"), has_query=True)["Cache-Control"]


def test_fastly_may_stand_in_front_of_it_since_it_passes_all_headers_on():
    fastly = {"BACKEND": "dumper_purge.backends.fastly.FastlyBackend", "HOSTS": [HOST]}
    fastly |= {"OPTIONS": {"service_id": "S", "token": "t"}}

    assert not list(conflicts([google(), build("fastly", fastly)]))
    assert google().strips == frozenset()


# Settings of the project


def inspected(backend, *policies, cdn=True):
    names = [f"web-{number}" for number in range(len(policies))]
    services = [f"{COMPUTE}/backendServices/{name}" for name in names]
    url_map = {
        "kind": "compute#urlMap",
        "defaultService": services[0],
        "pathMatchers": [{"defaultService": service} for service in services],
    }
    with responses.RequestsMock() as api:
        api.get(f"{COMPUTE}/urlMaps/site", json=url_map)
        for service, policy in zip(services, policies, strict=True):
            body = {"kind": "compute#backendService", "enableCDN": cdn, "cdnPolicy": policy}
            api.get(service, json=body)
        return list(backend.findings())


def test_nothing_is_found_where_all_is_well():
    assert inspected(google(), POLICY, POLICY) == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (
            {"cacheMode": "CACHE_ALL_STATIC"},
            "cacheMode CACHE_ALL_STATIC overrides our headers: set it to USE_ORIGIN_HEADERS",
        ),
        (
            {"cacheMode": "FORCE_CACHE_ALL"},
            "cacheMode FORCE_CACHE_ALL overrides our headers: set it to USE_ORIGIN_HEADERS",
        ),
        (
            {"serveWhileStale": 86_400},
            "serveWhileStale shows pages for 86400 s after their TTL: set it to 0",
        ),
        (
            {"cacheKeyPolicy": {"includeQueryString": False}},
            "/?page=2 gets what is for /: set cacheKeyPolicy.includeQueryString to true",
        ),
    ],
)
def test_a_setting_that_spoils_a_promise_is_found_with_its_remedy(changes, finding):
    assert inspected(google(), POLICY, POLICY | changes) == [f"Backend service web-1: {finding}."]


def test_several_hosts_share_pages_unless_the_key_has_the_host():
    policy = POLICY | {"cacheKeyPolicy": {"includeHost": False}}

    assert inspected(google(["a.example"]), policy) == []
    assert "includeHost" in inspected(google(["a.example", "b.example"]), policy)[0]


def test_a_url_map_without_cloud_cdn_stores_nothing():
    assert inspected(google(), POLICY, cdn=False) == [
        "No backend service of the URL map has Cloud CDN on: nothing is stored."
    ]


def test_settings_that_cannot_be_read_are_an_error():
    answer = vendor.error(403, "forbidden", "Required 'compute.urlMaps.get' permission")
    with responses.RequestsMock() as api:
        api.get(f"{COMPUTE}/urlMaps/site", body=answer.encoded, status=403)

        with pytest.raises(Rejected, match=r"google answered 403 .*compute.urlMaps.get"):
            list(google().findings())


LIVE = {"project": "DUMPER_LIVE_GOOGLE_PROJECT", "url_map": "DUMPER_LIVE_GOOGLE_URL_MAP"}


@pytest.mark.skipif(not set(LIVE.values()) <= set(os.environ), reason="needs a URL map")
def test_a_real_url_map_takes_a_purge_and_shows_its_settings():
    options = {option: os.environ[name] for option, name in LIVE.items()}
    key = os.environ.get("DUMPER_LIVE_GOOGLE_KEY_FILE", "")
    backend = google(service_account_file=key, **options)

    backend.send(PurgeBatch(tags=frozenset({"dumper-live-test"})), "google")

    assert all(isinstance(finding, str) for finding in backend.findings())
