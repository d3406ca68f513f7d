"""CloudFront on the wire, against botocore's own model (Stubber), and against moto."""

import os
import re
import subprocess
import sys
import threading

import boto3
import pytest
from botocore.stub import ANY, Stubber
from django.core.exceptions import ImproperlyConfigured
from moto import mock_aws

from dumper_purge.backends.options import build
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.paths import path_tag, prefix_tag
from dumper_purge.respond.headers import Outgoing, storable
from dumper_purge.transport import aws
from tests.apis.server import CUT, HANG, RESET, Answer, serving
from tests.apis.spec import HTML
from tests.apis.vendors.cloudfront import (
    DISTRIBUTION,
    NAMESPACE,
    done,
    items_of,
    reference_of,
    refused,
)

PATHS = PurgeBatch(paths=frozenset({"/a/"}))
KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "s3cret"}
AWS_KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "s3cret"}


def built(hosts=(), **options):
    options = {"distribution_id": DISTRIBUTION, **KEYS, **options}
    entry = {"BACKEND": "dumper_purge.backends.cloudfront.CloudFrontBackend"}
    return build("front", {**entry, "HOSTS": list(hosts), "OPTIONS": options})


def accepting(request, number):
    return done(request)


def sent(batch, **options):
    """Return the items of each call that purges a batch."""
    with serving(accepting) as vendor:
        built(base_url=vendor.url, **options).send(batch, "front")
    return [items_of(request) for request in vendor.received]


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    """A machine on which boto3 finds none."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def test_a_purge_is_one_signed_post_of_xml():
    with serving(accepting) as vendor:
        built(base_url=vendor.url).send(PATHS, "front")

    (request,) = vendor.received
    assert request.method == "POST"
    assert request.target == f"/2020-05-31/distribution/{DISTRIBUTION}/invalidation"
    assert re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/us-east-1/cloudfront/aws4_request,"
        r" SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}",
        request.headers["authorization"],
    )
    assert request.headers["user-agent"].endswith("django-dumper-purge")
    assert (
        request.body.decode()
        == f'<InvalidationBatch xmlns="{NAMESPACE}"><Paths><Quantity>1</Quantity>'
        "<Items><Path>/a/</Path></Items></Paths>"
        f"<CallerReference>{reference_of(request)}</CallerReference></InvalidationBatch>"
    )
    assert re.fullmatch(r"[0-9a-f-]{36}", reference_of(request))


def test_without_a_tag_header_paths_are_purged():
    urls = frozenset({"https://www.example.com/b/", "https://other.example/c/"})

    batch = PurgeBatch(paths=frozenset({"/a/", "/%C3%A4/?=&"}), urls=urls)

    assert sent(batch, hosts=("www.example.com",)) == [["/%C3%A4/?=&", "/a/", "/b/"]]


def test_with_a_tag_header_tags_are_purged():
    batch = PurgeBatch(paths=frozenset({"/a/"}), tags=frozenset({"Menu"}))

    (items,) = sent(batch, tag_header="Edge-Tags")

    assert items == sorted([f"#{path_tag('/a/')}", "#Menu", "#b-39"])


def test_a_folder_is_purged_by_its_tags():
    (items,) = sent(PurgeBatch(prefixes=frozenset({"/news/"})), tag_header="Edge-Tags")

    assert items == sorted([f"#{path_tag('/news/')}", f"#{prefix_tag('/news/')}"])


def test_a_prefix_is_purged_by_a_wildcard():
    assert sent(PurgeBatch(prefixes=frozenset({"/news/20"}))) == [["/news/20*"]]


def test_a_prefix_without_a_tag_of_its_own_is_purged_by_a_wildcard_beside_tags():
    batch = PurgeBatch(prefixes=frozenset({"/news/20"}), tags=frozenset({"Menu"}))

    calls = sent(batch, tag_header="Edge-Tags", concurrency=1)

    assert calls == [["/news/20*"], ["#Menu", "#b-39"]]


@pytest.mark.parametrize(
    ("paths", "items"),
    [
        (["/~joe/", "/a/"], ["/*"]),
        (["/shop/a~b/", "/shop/a~c", "/a/"], ["/a/", "/shop/a*"]),
        ([f"/{number}/~x" for number in range(15)], [f"/{number}/*" for number in range(15)]),
        ([f"/{number}/~x" for number in range(16)], ["/*"]),
    ],
)
def test_what_cloudfront_cannot_name_is_purged_by_its_beginning(paths, items):
    """A tilde is refused as it is, and as ``%7E`` it is another page (aws/aws-sdk-js-v3#4042)."""
    assert sent(PurgeBatch(paths=frozenset(paths))) == [sorted(items)]
    assert sent(PurgeBatch(prefixes=frozenset({"/a/b~c/"}))) == [["/a/b*"]]


def test_what_cloudfront_cannot_name_is_rejected_where_everything_must_not_be_purged():
    def answer(request, number):
        if any("~" in item for item in items_of(request)):
            return refused(400, "InvalidArgument", "invalid invalidation paths")
        return done(request)

    batch = PurgeBatch(paths=frozenset({"/~joe/", "/a/", "/shop/b~c/"}))

    with serving(answer) as vendor, pytest.raises(Rejected) as caught:
        built(base_url=vendor.url, allow_everything=False).send(batch, "front")

    assert caught.value.left == PurgeBatch(paths=frozenset({"/~joe/"}))
    assert {"/a/", "/shop/b*"} <= {item for each in vendor.received for item in items_of(each)}


def test_everything_is_one_path():
    assert sent(PurgeBatch(everything=True)) == [["/*"]]
    assert sent(PurgeBatch(everything=True), tag_header="Edge-Tags") == [["/*"]]


def test_everything_of_some_hosts_is_their_tag():
    (items,) = sent(PurgeBatch(everything=True), tag_header="T", hosts=("www.example.com",))

    assert items == ["#everything"]


def test_a_call_holds_15_wildcards_at_most():
    prefixes = frozenset(f"/{number}/x" for number in range(31))

    calls = sent(PurgeBatch(prefixes=prefixes))

    assert sorted(map(len, calls)) == [1, 15, 15]


@pytest.mark.parametrize("count, calls", [(3_000, [3_000]), (3_001, [1])])
def test_more_than_may_be_in_progress_is_everything(count, calls):
    paths = frozenset(f"/{number}/" for number in range(count))

    made = sent(PurgeBatch(paths=paths), read_timeout=30.0)

    assert list(map(len, made)) == calls
    assert (made == [["/*"]]) == (count > 3_000)


def test_a_tenant_is_purged_alone():
    with serving(accepting) as vendor:
        backend = built(
            base_url=vendor.url, distribution_tenant_id="dt_2wjDZi3hD1ivOXf6rpZJOSNE1AB"
        )
        backend.send(PATHS, "front")

    assert [request.target for request in vendor.received] == [
        "/2020-05-31/distribution-tenant/dt_2wjDZi3hD1ivOXf6rpZJOSNE1AB/invalidation"
    ]


def test_each_distribution_purges_the_urls_of_its_hosts():
    urls = PurgeBatch(urls=frozenset({"https://a.example/x/", "https://b.example/y/"}))
    with serving(accepting) as vendor:
        built(base_url=vendor.url, hosts=("a.example",)).send(urls, "front")
        other = built(base_url=vendor.url, hosts=("b.example",), distribution_id="E2")
        other.send(urls, "front")

    assert [(request.target, items_of(request)) for request in vendor.received] == [
        (f"/2020-05-31/distribution/{DISTRIBUTION}/invalidation", ["/x/"]),
        ("/2020-05-31/distribution/E2/invalidation", ["/y/"]),
    ]


def test_a_call_whose_connection_breaks_is_made_again_and_stays_the_same():
    def answers(request, number):
        return done(request) if number else RESET

    with serving(answers) as vendor:
        built(base_url=vendor.url).send(PATHS, "front")

    first, second = map(reference_of, vendor.received)
    assert first == second


def test_a_call_that_breaks_twice_comes_later():
    with serving(RESET) as vendor, pytest.raises(Transient, match="front cannot be called"):
        built(base_url=vendor.url).send(PATHS, "front")

    assert len(vendor.received) == 2


def test_a_call_that_hangs_is_not_made_again():
    with serving(HANG) as vendor, pytest.raises(Transient, match="ReadTimeoutError"):
        built(base_url=vendor.url, read_timeout=0.2).send(PATHS, "front")

    assert len(vendor.received) == 1


@pytest.mark.parametrize("answer", [HTML, CUT, Answer(201, "")], ids=["HTML", "cut off", "nothing"])
def test_what_is_no_whole_answer_comes_later(answer):
    with serving(answer) as vendor, pytest.raises(Transient) as caught:
        built(base_url=vendor.url).send(PATHS, "front")

    assert caught.value.left == PATHS
    assert len(vendor.received) == 1


def test_an_overloaded_aws_is_not_asked_again_at_once():
    with serving(refused(503, "ServiceUnavailable", "no")) as vendor, pytest.raises(Transient):
        built(base_url=vendor.url).send(PATHS, "front")

    assert len(vendor.received) == 1


def test_another_purge_of_the_same_has_another_reference():
    with serving(accepting) as vendor:
        backend = built(base_url=vendor.url)
        backend.send(PATHS, "front")
        backend.send(PATHS, "front")

    assert len(set(map(reference_of, vendor.received))) == 2


@pytest.mark.parametrize(
    "status, code, error, wait",
    [
        (400, "TooManyInvalidationsInProgress", Transient, 120),
        (400, "Throttling", Transient, 5),
        (400, "ThrottlingException", Transient, 5),
        (429, "TooManyRequestsException", Transient, 5),
        (400, "RequestLimitExceeded", Transient, 5),
        (500, "InternalError", Transient, None),
        (503, "ServiceUnavailable", Transient, None),
        (413, "BatchTooLarge", Rejected, None),
        (400, "InvalidArgument", Rejected, None),
        (400, "RequestExpired", Rejected, None),
        (403, "AccessDenied", Rejected, None),
        (403, "ExpiredToken", Rejected, None),
        (404, "NoSuchDistribution", Rejected, None),
        (404, "EntityNotFound", Rejected, None),
    ],
)
def test_what_an_error_means(status, code, error, wait):
    with serving(refused(status, code, "Why it is so.")) as vendor, pytest.raises(error) as caught:
        built(base_url=vendor.url).send(PATHS, "front")

    assert caught.value.left == PATHS
    assert getattr(caught.value, "retry_after", None) == wait
    assert f"front answered {status} " in str(caught.value)
    assert code in str(caught.value)
    assert "Why it is so." in str(caught.value)


@pytest.mark.parametrize("code", ["IncompleteSignature", "NotAuthorized", "RequestExpired"])
def test_a_refusal_of_the_account_is_not_looked_for_in_the_items(code):
    paths = frozenset(f"/{number}/" for number in range(8))
    with serving(refused(400, code, "no")) as vendor, pytest.raises(Rejected):
        built(base_url=vendor.url).send(PurgeBatch(paths=paths), "front")

    assert len(vendor.received) == 1


@pytest.mark.parametrize(
    "option, value, problem",
    [
        ("distribution_id", "d111111abcdef8.cloudfront.net", "must be its ID, such as 'E1A2B3"),
        ("distribution_id", "", "['distribution_id'] = '' must be its ID"),
        ("access_key", None, "['secret_key'] and 'access_key' must be given together, or neither."),
        ("secret_key", None, "['secret_key'] and 'access_key' must be given together, or neither."),
        ("secret_key", "a b", "['secret_key'] must be printable ASCII without a space."),
        ("tag_header", "Edge Tags", "['tag_header'] = 'Edge Tags' must be a header's name."),
        ("tag_header", "", "['tag_header'] = '' must be a header's name."),
        ("vary", "accept", "must be a list, each a str."),
        ("soft", True, "must be False: this cache knows no soft purge."),
        ("region", "eu-central-1", "has the unknown option 'region'"),
        ("base_url", "http://api.example", "must begin with https://."),
    ],
)
def test_a_wrong_option_is_named(option, value, problem):
    with pytest.raises(ImproperlyConfigured) as caught:
        built(**{option: value})

    assert problem in str(caught.value)
    assert "DUMPER_BACKENDS['front']" in str(caught.value)


def test_a_missing_boto3_is_named_with_what_to_run(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ImproperlyConfigured) as caught:
        built()

    assert "pip install 'django-dumper-purge[cloudfront]'" in str(caught.value)


def test_the_backend_is_imported_without_boto3():
    code = "import sys; sys.modules['boto3'] = None; import dumper_purge.backends.cloudfront"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_credentials_are_found_as_boto3_finds_them(no_credentials, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHEMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with serving(accepting) as vendor:
        built(base_url=vendor.url, access_key=None, secret_key=None).send(PATHS, "front")

    assert "Credential=AKIDOFTHEMACHINE/" in vendor.received[0].headers["authorization"]


def test_credentials_that_are_not_there_yet_are_looked_for_again(no_credentials, monkeypatch):
    with serving(accepting) as vendor:
        backend = built(base_url=vendor.url, access_key=None, secret_key=None)
        with pytest.raises(Transient, match="front cannot be called: NoCredentialsError"):
            backend.send(PATHS, "front")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDLATER")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

        backend.send(PATHS, "front")

    assert len(vendor.received) == 1


def test_no_secret_is_shown():
    answer = refused(403, "SignatureDoesNotMatch", "of AKIDEXAMPLE with s3cret")
    with serving(answer) as vendor, pytest.raises(Rejected) as caught:
        built(base_url=vendor.url).send(PATHS, "front")

    shown = f"{caught.value} {built()!r} {account()!r}"
    assert "AKIDEXAMPLE" not in shown
    assert "s3cret" not in shown
    assert b"s3cret" not in vendor.received[0].body
    assert "s3cret" not in str(vendor.received[0].headers)


def account(url="https://cloudfront.amazonaws.com"):
    return aws.Account(
        service="cloudfront", base_url=url, connect_timeout=1.0, read_timeout=1.0, **KEYS
    )


def test_threads_share_one_client():
    clients = []
    threads = [
        threading.Thread(target=lambda: clients.append(aws._client(account("http://127.0.0.1:1"))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(clients) == 4
    assert len(set(map(id, clients))) == 1


def test_a_child_builds_a_client_of_its_own():
    aws._client(account())

    pid = os.fork()
    if not pid:
        os._exit(aws._built.cache_info().currsize or aws._lock.locked())
    _, status = os.waitpid(pid, 0)

    assert aws._built.cache_info().currsize
    assert status == 0


@pytest.fixture
def stubbed(monkeypatch):
    """Botocore's Stubber, which checks what is asked, and what it answers, by AWS' model."""
    client = boto3.client("cloudfront", "us-east-1", **AWS_KEYS)
    monkeypatch.setattr(aws, "_built", lambda account: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def invalidation(items):
    return {"Paths": {"Quantity": len(items), "Items": items}, "CallerReference": ANY}


def created(items):
    batch = {**invalidation(items), "CallerReference": "x"}
    return {
        "Invalidation": {
            "Id": "I1",
            "Status": "InProgress",
            "CreateTime": "2026-11-26T16:00:00Z",
            "InvalidationBatch": batch,
        },
        "ResponseMetadata": {"HTTPStatusCode": 201},
    }


def test_the_model_of_aws_knows_the_call(stubbed):
    items = ["#Menu", "#b-39"]
    stubbed.add_response(
        "create_invalidation",
        created(items),
        {"DistributionId": DISTRIBUTION, "InvalidationBatch": invalidation(items)},
    )

    built(tag_header="Edge-Tags").send(PurgeBatch(tags=frozenset({"Menu"})), "front")


def test_the_model_of_aws_knows_the_call_for_a_tenant(stubbed):
    stubbed.add_response(
        "create_invalidation_for_distribution_tenant",
        created(["/a/"]),
        {"Id": "dt_1", "InvalidationBatch": invalidation(["/a/"])},
    )

    built(distribution_tenant_id="dt_1").send(PATHS, "front")


def test_the_model_of_aws_knows_the_error(stubbed):
    stubbed.add_client_error(
        "create_invalidation", "TooManyInvalidationsInProgress", http_status_code=400
    )

    with pytest.raises(Transient) as caught:
        built().send(PATHS, "front")

    assert caught.value.retry_after == 120


def behaviour(**changed):
    return {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", **changed}


def configuration(default, *others, **changed):
    return {
        "DistributionConfig": {
            "CallerReference": "x",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.example"}]},
            "DefaultCacheBehavior": default,
            "CacheBehaviors": {"Quantity": len(others), "Items": list(others)},
            **changed,
        },
        "ETag": "E",
        "ResponseMetadata": {"HTTPStatusCode": 200},
    }


def policy(queries="all", headers=(), min_ttl=0, max_ttl=31_536_000):
    key = {
        "EnableAcceptEncodingGzip": True,
        "CookiesConfig": {"CookieBehavior": "none"},
        "HeadersConfig": {
            "HeaderBehavior": "whitelist" if headers else "none",
            **({"Headers": {"Quantity": len(headers), "Items": list(headers)}} if headers else {}),
        },
        "QueryStringsConfig": {"QueryStringBehavior": queries},
    }
    config = {
        "Name": "p",
        "MinTTL": min_ttl,
        "MaxTTL": max_ttl,
        "ParametersInCacheKeyAndForwardedToOrigin": key,
    }
    return {
        "CachePolicy": {"Id": "P", "LastModifiedTime": "2026-11-26", "CachePolicyConfig": config},
        "ETag": "E",
        "ResponseMetadata": {"HTTPStatusCode": 200},
    }


def inspected(stubbed, config, *policies, **options):
    """Return the findings about a distribution whose behaviours have these policies."""
    stubbed.add_response("get_distribution_config", config, {"Id": DISTRIBUTION})
    for each in policies:
        stubbed.add_response("get_cache_policy", each, {"Id": "P"})
    return list(built(**options).findings())


BY_POLICY = behaviour(CachePolicyId="P")
ALIASES = {"Quantity": 2, "Items": ["a.example", "b.example"]}


@pytest.mark.parametrize(
    "changed, options, config",
    [
        ({}, {}, {}),
        ({"queries": "allExcept"}, {}, {}),
        ({"queries": "none", "min_ttl": 0, "max_ttl": 0}, {}, {}),
        ({"headers": ["Accept-Language"]}, {"vary": ["accept-language"]}, {}),
        ({"headers": ["Host"]}, {}, {"Aliases": ALIASES}),
        ({}, {"tag_header": "edge-tags"}, {"CacheTagConfig": {"HeaderName": "Edge-Tags"}}),
        ({}, {}, {"CacheTagConfig": {"HeaderName": "Edge-Tags"}}),
    ],
)
def test_nothing_is_found_where_all_is_well(stubbed, changed, options, config):
    assert (
        inspected(stubbed, configuration(BY_POLICY, **config), policy(**changed), **options) == []
    )


@pytest.mark.parametrize(
    "changed, options, config, finding",
    [
        ({"min_ttl": 1}, {}, {}, "has a MinTTL of 1 s"),
        ({"queries": "none"}, {}, {}, "without all queries"),
        ({"queries": "whitelist"}, {}, {}, "without all queries"),
        ({}, {"vary": ["Accept-Language"]}, {}, "without accept-language"),
        ({}, {}, {"Aliases": ALIASES}, "without host"),
        ({}, {"hosts": ("a.example", "b.example")}, {}, "without host"),
        ({}, {"tag_header": "Edge-Tags"}, {}, "reads tags from no header"),
        (
            {},
            {"tag_header": "Edge-Tags"},
            {"CacheTagConfig": {"HeaderName": "Other"}},
            "reads tags from Other, and responses carry them in Edge-Tags",
        ),
    ],
)
def test_what_spoils_a_promise_is_found(stubbed, changed, options, config, finding):
    found = inspected(stubbed, configuration(BY_POLICY, **config), policy(**changed), **options)

    assert len(found) == 1
    assert finding in found[0]


def test_each_behaviour_is_looked_at(stubbed):
    other = behaviour(CachePolicyId="P", PathPattern="/shop/*")

    found = inspected(stubbed, configuration(BY_POLICY, other), policy(), policy(min_ttl=60))

    assert [each.partition(" has ")[0] for each in found] == ["the behaviour for '/shop/*'"]


def legacy(query=True, keys=(), min_ttl=0, headers=()):
    values = {
        "QueryString": query,
        "Cookies": {"Forward": "none"},
        "QueryStringCacheKeys": {"Quantity": len(keys), "Items": list(keys)},
        "Headers": {"Quantity": len(headers), "Items": list(headers)},
    }
    return behaviour(ForwardedValues=values, MinTTL=min_ttl, MaxTTL=31_536_000)


@pytest.mark.parametrize(
    "default, findings",
    [
        (legacy(headers=["Host"]), []),
        (legacy(), ["without host"]),
        (legacy(headers=["Host"], min_ttl=3), ["has a MinTTL of 3 s"]),
        (legacy(headers=["Host"], query=False), ["without all queries"]),
        (legacy(headers=["Host"], keys=["page"]), ["without all queries"]),
    ],
)
def test_a_behaviour_without_a_cache_policy_is_looked_at(stubbed, default, findings):
    found = inspected(stubbed, configuration(default, Aliases=ALIASES))

    assert len(found) == len(findings)
    assert all(part in each for part, each in zip(findings, found, strict=True))


def test_a_distribution_that_may_not_be_read_is_rejected(stubbed):
    stubbed.add_client_error("get_distribution_config", "AccessDenied", http_status_code=403)

    with pytest.raises(Rejected, match="front answered 403"):
        list(built().findings())


@pytest.fixture
def moto_client():
    """A client of moto's CloudFront, and the ID of a distribution in it."""
    with mock_aws():
        client = boto3.client("cloudfront", "us-east-1", **AWS_KEYS)
        made = client.create_distribution(
            DistributionConfig={
                **configuration(legacy(min_ttl=60))["DistributionConfig"],
                "Origins": {
                    "Quantity": 1,
                    "Items": [
                        {"Id": "o", "DomainName": "o.s3.amazonaws.com", "S3OriginConfig": ORIGIN}
                    ],
                },
            }
        )
        aws._built.cache_clear()
        yield client, made["Distribution"]["Id"]
    aws._built.cache_clear()


ORIGIN = {"OriginAccessIdentity": ""}


def test_moto_carries_out_the_purge(moto_client):
    client, distribution = moto_client

    built(distribution_id=distribution).send(PATHS, "front")

    listed = client.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    (made,) = (
        client.get_invalidation(DistributionId=distribution, Id=each["Id"])["Invalidation"]
        for each in listed
    )
    assert made["InvalidationBatch"]["Paths"] == {"Quantity": 1, "Items": ["/a/"]}


def test_moto_knows_no_such_distribution(moto_client):
    with pytest.raises(Rejected, match="NoSuchDistribution"):
        built(distribution_id="E0").send(PATHS, "front")


def test_moto_tells_what_spoils_a_promise(moto_client):
    _, distribution = moto_client

    found = list(built(distribution_id=distribution).findings())

    assert ["MinTTL of 60 s" in each for each in found] == [True]


def headers_for(backend, **changed):
    values = {
        "ttl": 31_536_000,
        "grace": 60,
        "doubt_ttl": 5,
        "doubtful": False,
        "lately_purged": False,
        "vary": frozenset(),
        "has_query": False,
        "implied_tags": ("everything", "pabc"),
        "own_tags": ("shop.flavour:5",),
    }
    outgoing = Outgoing(**{**values, **changed})
    return storable([backend], "www.example.com", "max-age=0, must-revalidate", outgoing)


REFUSED = {"Cache-Control": "max-age=0, must-revalidate, private"}


def test_responses_carry_a_ttl_and_the_tags_in_the_sites_own_header():
    assert headers_for(built(tag_header="Edge-Tags")) == {
        "Cache-Control": "max-age=0, s-maxage=31536000",
        "Edge-Tags": "everything,pabc,shop.flavour:5",
    }


def test_without_a_tag_header_no_tags_are_sent():
    assert headers_for(built()) == {"Cache-Control": "max-age=0, s-maxage=31536000"}


def test_a_page_with_a_query_is_stored_by_tags_and_not_by_paths():
    assert "Edge-Tags" in headers_for(built(tag_header="Edge-Tags"), has_query=True)
    assert headers_for(built(), has_query=True) == REFUSED


@pytest.mark.parametrize("vary", ["accept-language", "cookie"])
def test_what_varies_on_more_than_the_cache_key_is_not_stored(vary):
    assert headers_for(built(), vary=frozenset({vary})) == REFUSED


@pytest.mark.parametrize("vary", ["accept-encoding", "accept-language"])
def test_what_varies_on_what_the_cache_key_has_is_stored(vary):
    headers = headers_for(built(vary=["Accept-Language"]), vary=frozenset({vary}))

    assert headers == {"Cache-Control": "max-age=0, s-maxage=31536000"}


def test_an_object_has_50_tags_at_most():
    own = tuple(f"shop.flavour:{number}" for number in range(48))
    backend = built(tag_header="Edge-Tags")

    whole = headers_for(backend, own_tags=own)["Edge-Tags"].split(",")
    coarser = headers_for(backend, own_tags=(*own, "shop.flavour:48"))["Edge-Tags"].split(",")

    assert len(whole) == 50
    assert coarser == ["everything", "pabc", "m-shop.flavour"]


def test_the_second_purge_waits_for_the_first_to_be_everywhere():
    assert built().repeat_delay(PATHS) == 30
    assert built(repeat_after=0).repeat_delay(PATHS) == 0


@pytest.mark.skipif(
    "DUMPER_LIVE_CLOUDFRONT_DISTRIBUTION_ID" not in os.environ,
    reason="set DUMPER_LIVE_CLOUDFRONT_DISTRIBUTION_ID, and credentials for boto3",
)
def test_the_real_cloudfront_accepts_a_purge():
    """It costs one path; with DUMPER_LIVE_CLOUDFRONT_TAG_HEADER, one tag."""
    backend = built(
        distribution_id=os.environ["DUMPER_LIVE_CLOUDFRONT_DISTRIBUTION_ID"],
        tag_header=os.environ.get("DUMPER_LIVE_CLOUDFRONT_TAG_HEADER"),
        access_key=None,
        secret_key=None,
    )

    backend.send(PurgeBatch(paths=frozenset({"/dumper-purge-live-test/"})), "front")
