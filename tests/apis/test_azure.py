"""What Azure Front Door is sent, byte for byte, and what is made of its answers."""

import json
import logging
import os
import sys
import threading

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.options import build
from dumper_purge.backends.vendors.azure_signer import signer
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.respond.headers import Outgoing, storable
from tests.apis.server import Answer
from tests.apis.vendors import azure as vendor

BACKEND = "dumper_purge.backends.azure.AzureFrontDoorBackend"
OPTIONS = {
    "subscription_id": "0b1f6471",
    "resource_group": "shop-rg",
    "profile": "shop",
    "endpoint": "www",
    "tenant_id": "tenant",
    "client_id": "client",
    "client_secret": "azure-client-secret",
}
LOGIN = "https://login.microsoftonline.com"
TOKEN_URL = f"{LOGIN}/tenant/oauth2/v2.0/token"
URL = f"https://management.azure.com{vendor.ENDPOINT}"
HOST = "www.example.com"
NEWS = PurgeBatch(paths=frozenset({"/news/"}))
ACCESS_TOKEN = "azure-access-token"
CONFIGURATION = {
    "issuer": f"{LOGIN}/tenant/v2.0",
    "authorization_endpoint": f"{LOGIN}/tenant/oauth2/v2.0/authorize",
    "token_endpoint": TOKEN_URL,
    "tenant_region_scope": "EU",
}


def azure(hosts=(HOST,), backend=BACKEND, **options):
    chosen = {name: value for name, value in {**OPTIONS, **options}.items() if value is not None}
    return build("azure", {"BACKEND": backend, "HOSTS": list(hosts), "OPTIONS": chosen})


@pytest.fixture(autouse=True)
def _fresh():
    """Let no test have the token of another."""
    signer.cache_clear()


@pytest.fixture
def api():
    """Answer requests for tokens as Entra ID does, and purges as Azure does."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{LOGIN}/tenant/v2.0/.well-known/openid-configuration", json=CONFIGURATION)
        mock.get(f"{LOGIN}/common/discovery/instance", json={"metadata": []})
        mock.post(
            TOKEN_URL,
            json={"token_type": "Bearer", "expires_in": 3_600, "access_token": ACCESS_TOKEN},
        )
        yield mock


@pytest.fixture
def accept(api):
    """Accept purges, and return a function that returns those that came."""
    add(api, vendor.ACCEPTED)

    def purges():
        return [call.request for call in api.calls if "/afdEndpoints/" in call.request.url]

    return purges


def add(api, answer):
    api.add(
        responses.POST, f"{URL}/purge", body=answer.encoded, status=answer.status,
        headers=answer.headers,
    )  # fmt: skip


def tokens(api):
    """Return the requests for a token."""
    return [call.request for call in api.calls if call.request.url == TOKEN_URL]


def bodies(purges):
    return [json.loads(request.body) for request in purges()]


# What is sent


def test_paths_are_purged_on_the_hosts_with_a_bearer_token(accept):
    azure().send(NEWS, "azure")

    [request] = accept()
    assert request.method == "POST"
    assert request.url == f"{URL}/purge?api-version=2026-10-01"
    assert request.headers["Authorization"] == "Bearer azure-access-token"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == b'{"contentPaths": ["/news/"], "domains": ["www.example.com"]}'


def test_the_api_version_is_an_option(accept):
    azure(api_version="2025-04-15").send(NEWS, "azure")

    assert accept()[0].url.endswith("/purge?api-version=2025-04-15")


def test_several_hosts_are_domains_of_one_call_and_others_are_left_alone(accept):
    urls = frozenset({"https://m.example.com/a/", "https://elsewhere.example/b/"})

    azure(hosts=(HOST, "m.example.com")).send(PurgeBatch(urls=urls), "azure")

    assert bodies(accept) == [
        {"contentPaths": ["/a/"], "domains": ["www.example.com", "m.example.com"]}
    ]


def test_a_folder_is_purged_by_a_wildcard_and_by_itself(accept):
    azure().send(PurgeBatch(prefixes=frozenset({"/news/"})), "azure")

    assert bodies(accept) == [{"contentPaths": ["/news/", "/news/*"], "domains": [HOST]}]


def test_a_prefix_that_is_no_folder_is_the_folder_it_lies_in(accept):
    azure().send(PurgeBatch(prefixes=frozenset({"/news/20"})), "azure")

    assert bodies(accept)[0]["contentPaths"] == ["/news/", "/news/*"]


@pytest.mark.parametrize("path, sent", [
    ("/a*b/c/", "/*"), ("/shop/a*b", "/shop/*"), ("/shop/*", "/shop/*"), ("/plain/", "/plain/"),
])  # fmt: skip
def test_a_path_with_a_star_is_its_folder(accept, path, sent):
    azure().send(PurgeBatch(paths=frozenset({path})), "azure")

    assert bodies(accept)[0]["contentPaths"] == [sent]


def test_a_prefix_with_a_star_is_its_folder(accept):
    azure().send(PurgeBatch(prefixes=frozenset({"/shop/a*b/"})), "azure")

    assert bodies(accept)[0]["contentPaths"] == ["/shop/*"]


@pytest.mark.parametrize("batch", [
    PurgeBatch(everything=True),
    PurgeBatch(tags=frozenset({"menu"})),
    PurgeBatch(prefixes=frozenset({"/"})),
    PurgeBatch(patterns=frozenset({r".*\.html"})),
    PurgeBatch(paths=frozenset(f"/{number}/" for number in range(10_001))),
], ids=["everything", "tags", "all paths", "a pattern", "very many"])  # fmt: skip
def test_what_no_path_names_is_everything(accept, batch):
    azure().send(batch, "azure")

    assert bodies(accept) == [{"contentPaths": ["/*"], "domains": [HOST]}]


def test_tags_are_rejected_where_everything_must_not_be_purged(accept):
    with pytest.raises(Rejected, match="set allow_everything to True"):
        azure(allow_everything=False).send(PurgeBatch(tags=frozenset({"menu"})), "azure")

    assert not accept()


def test_a_call_names_a_hundred_paths_also_of_folders(accept):
    paths = frozenset(f"/{number}/" for number in range(250))
    prefixes = frozenset(f"/in/{number}/" for number in range(60))

    azure().send(PurgeBatch(paths=paths, prefixes=prefixes), "azure")

    sizes = sorted(len(body["contentPaths"]) for body in bodies(accept))
    assert sizes == [20, 50, 100, 100, 100]


# Tokens


def test_one_token_serves_many_calls(api, accept):
    azure().send(NEWS, "azure")
    azure().send(NEWS, "azure")

    assert len(accept()) == 2
    assert len(tokens(api)) == 1


def test_threads_share_a_token_and_only_the_first_calls_ask_for_one(api, accept):
    paths = frozenset(f"/{number}/" for number in range(800))

    azure().send(PurgeBatch(paths=paths), "azure")
    asked = len(tokens(api))
    azure().send(PurgeBatch(paths=paths), "azure")

    assert len(accept()) == 16
    assert 1 <= asked <= 8
    assert len(tokens(api)) == asked


def test_threads_do_not_wait_one_by_one_for_who_gives_no_token(api, accept):
    together = threading.Barrier(8)

    def refuse(request):
        together.wait(timeout=10)
        return 401, {}, json.dumps({"error": "invalid_client"})

    api.remove(responses.POST, TOKEN_URL)
    api.add_callback(responses.POST, TOKEN_URL, callback=refuse)
    paths = frozenset(f"/{number}/" for number in range(800))

    with pytest.raises(Transient):
        azure().send(PurgeBatch(paths=paths), "azure")

    assert not together.broken
    assert not accept()


def test_the_secret_is_sent_to_those_who_give_tokens_alone(api, accept):
    azure().send(NEWS, "azure")

    [asked] = tokens(api)
    assert "client_secret=azure-client-secret" in str(asked.body)
    assert "scope=https%3A%2F%2Fmanagement.azure.com%2F.default" in str(asked.body)
    [purge] = accept()
    assert "azure-client-secret" not in f"{purge.url} {purge.headers} {purge.body}"


def test_another_cloud_has_its_own_scope(api, accept):
    azure(scope="https://management.chinacloudapi.cn/.default").send(NEWS, "azure")

    [asked] = tokens(api)
    assert "chinacloudapi" in str(asked.body)


def test_an_identity_that_is_refused_is_tried_again(api, accept):
    api.replace(
        responses.POST, TOKEN_URL, status=401,
        json={
            "error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret azure-client-secret.",
        },
    )  # fmt: skip

    with pytest.raises(
        Transient, match="azure cannot be called: ClientAuthenticationError"
    ) as caught:
        azure().send(NEWS, "azure")

    assert caught.value.left == NEWS
    assert "azure-client-secret" not in str(caught.value)
    assert not accept()


def test_an_identity_that_azure_does_not_understand_is_no_bug(accept):
    with pytest.raises(Transient, match="azure cannot be called: ValueError"):
        azure(tenant_id="a/tenant").send(NEWS, "azure")


@pytest.mark.parametrize("options, expected", [
    ({}, {}),
    ({"client_id": "mine"}, {"managed_identity_client_id": "mine"}),
], ids=["default", "a managed identity"])  # fmt: skip
def test_without_a_secret_the_default_credential_is_asked(monkeypatch, accept, options, expected):
    from azure import identity

    given = []

    class Default:
        def __init__(self, **kwargs):
            given.append(kwargs)

        def get_token(self, *scopes, **kwargs):
            from azure.core.credentials import AccessToken

            return AccessToken("default-token", 4_102_444_800)

    monkeypatch.setattr(identity, "DefaultAzureCredential", Default)
    nothing = {"tenant_id": None, "client_id": None, "client_secret": None}

    azure(**{**nothing, **options}).send(NEWS, "azure")

    assert accept()[0].headers["Authorization"] == "Bearer default-token"
    waits = {"connection_timeout": 3, "read_timeout": 10, "retry_total": 0}
    assert given == [{**expected, **waits}]


def test_a_child_process_does_not_write_to_the_connections_of_its_parent():
    parents = signer("scope", None, None, None)
    assert signer("scope", None, None, None) is parents

    child = os.fork()
    if not child:
        os._exit(signer("scope", None, None, None) is parents)

    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("answer", [vendor.ACCEPTED, vendor.THROTTLED, vendor.BAD_PATH])
def test_no_secret_reaches_a_log_at_any_level(api, caplog, answer):
    caplog.set_level(logging.DEBUG)
    add(api, answer)

    try:
        azure().send(NEWS, "azure")
    except (Rejected, Transient) as error:
        logging.getLogger("dumper.deliver").debug("failed", exc_info=error)

    assert caplog.text
    assert "azure-client-secret" not in caplog.text
    assert ACCESS_TOKEN not in caplog.text


def test_the_backend_shows_no_secret():
    assert "azure-client-secret" not in repr(azure())


# Headers of pages


def outgoing(**changes):
    values = {
        "ttl": 31_536_000, "grace": 60, "doubt_ttl": 5, "doubtful": False, "lately_purged": False,
        "vary": frozenset(), "has_query": False, "implied_tags": ("everything", "p1"),
        "own_tags": ("menu",),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


@pytest.mark.parametrize("changes, expected", [
    ({}, "max-age=0, s-maxage=31536000"),
    ({"vary": frozenset({"accept-encoding"})}, "max-age=0, s-maxage=31536000"),
    ({"has_query": True}, "max-age=0, s-maxage=31536000"),
    ({"doubtful": True}, "max-age=0, s-maxage=5"),
    ({"vary": frozenset({"accept-language"})}, "max-age=0, must-revalidate, private"),
], ids=["a page", "compressed", "with a query", "in doubt", "that varies"])  # fmt: skip
def test_pages_carry_s_maxage_and_no_tags(changes, expected):
    sent = storable([azure()], HOST, "max-age=0, must-revalidate", outgoing(**changes))

    assert sent == {"Cache-Control": expected}


def test_the_second_purge_comes_when_the_first_is_through():
    assert azure().repeat_delay(NEWS) == 1_200.0
    assert azure(repeat_after=60.0).repeat_delay(NEWS) == 60.0


def test_calls_keep_within_the_rate_of_a_subscription():
    assert (azure().rate, azure().burst) == (10.0, 200)


# What is wrong with the options


@pytest.mark.parametrize("options, message", [
    ({"hosts": ()}, r"\['azure'\]\['HOSTS'\] must list the domains of the endpoint"),
    ({"endpoint": "a/b"}, r"\['endpoint'\] must be a name of letters, digits and -_.\(\)"),
    ({"resource_group": "a?b"}, r"\['resource_group'\] must be a name"),
    ({"profile": ""}, r"\['profile'\] must be a name"),
    ({"subscription_id": "0b1f#"}, r"\['subscription_id'\] must be a name"),
    ({"endpoint": None}, r"\['endpoint'\] is missing"),
    ({"client_id": None}, r"\['client_secret'\] must be given with tenant_id and client_id"),
    ({"tenant_id": None}, r"\['client_secret'\] must be given with"),
    ({"client_secret": None}, r"\['client_secret'\] must be given with"),
    ({"client_secret": "a b"}, r"\['client_secret'\] must be printable ASCII"),
    ({"soft": True}, r"\['soft'\] must be False: this cache knows no soft purge"),
    ({"method": "tag"}, "must be one of 'url'"),
    ({"base_url": "http://management.azure.com"}, "must begin with https://"),
    ({"token": "x"}, "unknown option 'token'"),
])  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        azure(**options)

    assert "azure-client-secret" not in str(caught.value)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "azure", None)
    monkeypatch.delitem(sys.modules, "azure.identity", raising=False)

    with pytest.raises(ImproperlyConfigured, match=r"pip install 'django-dumper-purge\[azure\]'"):
        azure()


# What is made of answers


@pytest.mark.parametrize("answer", [
    vendor.ACCEPTED,
    Answer(200, "", vendor.ARM),
    Answer(200, "", {"X-Ms-Request-Id": "5a9d0a3c"}),
], ids=["accepted", "done", "in capitals"])  # fmt: skip
def test_what_azure_numbered_is_done(api, answer):
    add(api, answer)

    azure().send(NEWS, "azure")


def test_a_throttled_purge_comes_again_when_azure_says(api):
    add(api, vendor.THROTTLED)

    with pytest.raises(Transient, match="429 .*SubscriptionRequestsThrottled") as caught:
        azure().send(NEWS, "azure")

    assert caught.value.retry_after == 17


@pytest.mark.parametrize("code", ["Conflict", "AnotherOperationInProgress"])
def test_an_operation_under_way_is_waited_for(api, code):
    add(api, vendor.refusal(409, code, "Another operation is in progress."))

    with pytest.raises(Transient, match=code) as caught:
        azure().send(NEWS, "azure")

    assert caught.value.retry_after == 5


@pytest.mark.parametrize("answer", vendor.SPEC.refused, ids=lambda answer: str(answer.status))
def test_what_is_configured_wrongly_is_refused_with_a_remedy(api, answer):
    add(api, answer)

    with pytest.raises(Rejected, match="check subscription_id, resource_group") as caught:
        azure().send(PurgeBatch(paths=frozenset({"/a/", "/b/"})), "azure")

    assert answer.body["error"]["code"] in str(caught.value)
    assert len([call for call in api.calls if "/purge?" in call.request.url]) == 1


def test_a_bad_path_is_named(api):
    add(api, vendor.BAD_PATH)

    with pytest.raises(Rejected, match="Invalid ContentPath") as caught:
        azure().send(NEWS, "azure")

    assert caught.value.left == NEWS


# What the configuration spoils


PROFILE = URL.removesuffix("/afdEndpoints/www")


def route(name, behaviour, *rule_sets):
    cache = {"queryStringCachingBehavior": behaviour} if behaviour else None
    used = [{"id": f"/subscriptions/x/ruleSets/{rule_set}"} for rule_set in rule_sets]
    return {"name": name, "properties": {"cacheConfiguration": cache, "ruleSets": used}}


def rule(name, **cache):
    parameters = {"cacheConfiguration": cache} if cache else {"destination": "/"}
    actions = [{"name": "UrlRewrite"}, {"name": "Any", "parameters": parameters}]
    return {"name": name, "properties": {"actions": actions}}


def lists(api, path, *values, **more):
    api.get(f"{PROFILE}/{path}", json={"value": values, **more}, headers=vendor.ARM)


def test_routes_that_ignore_the_query_are_found(api):
    lists(
        api, "afdEndpoints/www/routes",
        route("pages", "IgnoreQueryString"), route("shop", "UseQueryString"),
        route("news", "IncludeSpecifiedQueryStrings"), route("api", None),
        {"name": "bare", "properties": {}},
    )  # fmt: skip

    [finding] = azure().findings()

    assert finding == (
        "Route pages: /?page=2 gets what is for /: set its query string behavior to Use Query"
        " String."
    )
    asked = api.calls[-1].request
    assert (asked.method, asked.body) == ("GET", None)
    assert asked.url == f"{URL}/routes?api-version=2026-10-01"


def test_rules_that_override_are_found_once(api):
    lists(
        api, "afdEndpoints/www/routes",
        route("a", "UseQueryString", "Cache", "Other"), route("b", "UseQueryString", "Cache"),
    )  # fmt: skip
    lists(
        api, "ruleSets/Cache/rules",
        rule("long", cacheBehavior="OverrideAlways", cacheDuration="365.00:00:00"),
        rule("fine", cacheBehavior="HonorOrigin", queryStringCachingBehavior="UseQueryString"),
        rule("flat", cacheBehavior="HonorOrigin", queryStringCachingBehavior="IgnoreQueryString"),
    )  # fmt: skip
    lists(api, "ruleSets/Other/rules", rule("moved"))

    assert [finding.partition(":")[0] for finding in azure().findings()] == [
        "Rule long of the rule set Cache",
        "Rule flat of the rule set Cache",
    ]


def test_lists_are_read_to_their_end_and_nowhere_else(api):
    elsewhere = "https://elsewhere.example/routes?api-version=2026-10-01&$skipToken=a%20b"
    first = {"value": [route("a", "UseQueryString")], "nextLink": elsewhere}
    second = {"value": [route("b", "IgnoreQueryString")]}
    at_first = responses.matchers.query_param_matcher({"api-version": "2026-10-01"})
    later = responses.matchers.query_param_matcher(
        {"api-version": "2026-10-01", "$skipToken": "a b"}
    )
    api.get(f"{URL}/routes", json=first, headers=vendor.ARM, match=[at_first])
    api.get(f"{URL}/routes", json=second, headers=vendor.ARM, match=[later])

    assert [finding.partition(":")[0] for finding in azure().findings()] == ["Route b"]


def test_a_list_without_an_end_is_left(api):
    lists(api, "afdEndpoints/www/routes", nextLink=f"{URL}/routes?api-version=2026-10-01")

    assert not list(azure().findings())


@pytest.mark.parametrize("answer, error", [
    (vendor.refusal(403, "AuthorizationFailed", "No right to read."), Rejected),
    (vendor.refusal(503, "ServiceUnavailable", "Try again."), Transient),
])  # fmt: skip
def test_what_cannot_be_asked_says_so(api, answer, error):
    api.get(f"{URL}/routes", body=answer.encoded, status=answer.status, headers=answer.headers)

    with pytest.raises(error):
        list(azure().findings())


# The real one


NAMES = ("subscription_id", "resource_group", "profile", "endpoint", "host")
LIVE = {name: os.environ.get(f"DUMPER_LIVE_AZURE_{name.upper()}") for name in NAMES}


@pytest.mark.skipif(not all(LIVE.values()), reason="DUMPER_LIVE_AZURE_* are not set")
def test_the_real_api_accepts_a_purge_by_the_default_identity():
    options = {name: value for name, value in LIVE.items() if name != "host"}
    nobody = {"tenant_id": None, "client_id": None, "client_secret": None}

    azure(hosts=[LIVE["host"]], **options, **nobody).send(
        PurgeBatch(paths=frozenset({"/dumper-live-test/"})), "azure"
    )
