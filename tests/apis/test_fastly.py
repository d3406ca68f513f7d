"""Fastly's wire, and what is its own."""

import json
import os

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured
from responses import matchers

from dumper_purge.backends.options import build
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient

API = "https://api.fastly.com"
DONE = {"status": "ok", "id": "20940-1591-1"}
TAGS = PurgeBatch(tags=frozenset({"menu"}))


def fastly(*, hosts=("www.example.com",), **options):
    entry = {"BACKEND": "dumper_purge.backends.fastly.FastlyBackend", "HOSTS": list(hosts)}
    return build("cdn", {**entry, "OPTIONS": {"service_id": "SU1Z", "token": "t0", **options}})


@responses.activate
def test_tags_are_keys_in_a_json_body_and_the_token_in_a_header():
    wire = responses.post(
        f"{API}/service/SU1Z/purge",
        json={"b-53": "1-1", "menu": "1-2"},
        match=[matchers.header_matcher({"Fastly-Key": "t0"})],
    )

    fastly().send(TAGS, "cdn")

    body = json.loads(wire.calls[0].request.body)
    assert "menu" in body["surrogate_keys"]
    assert "Fastly-Soft-Purge" not in wire.calls[0].request.headers


@responses.activate
def test_a_tag_named_like_the_status_of_an_answer_is_a_hash():
    """Keys are answered by name: ``{"status": "1-1"}`` would pass for a failure, for ever."""

    def answer(request):
        keys = json.loads(request.body)["surrogate_keys"]
        return 200, {}, json.dumps(dict.fromkeys(keys, "1-1"))

    responses.add_callback("POST", f"{API}/service/SU1Z/purge", answer)
    backend = fastly()

    backend.send(PurgeBatch(tags=frozenset({"status"})), "cdn")

    keys = json.loads(responses.calls[0].request.body)["surrogate_keys"]
    assert backend.spelled("status") in keys
    assert "status" not in keys
    assert backend.spelled("statuses") == "statuses"


@responses.activate
@pytest.mark.parametrize("batch", [TAGS, PurgeBatch(everything=True)], ids=["tags", "everything"])
def test_a_soft_purge_is_soft_for_everything_too(batch):
    """``purge_all`` never is."""
    wire = responses.post(f"{API}/service/SU1Z/purge", json={"a": "1"})

    fastly(soft=True, hosts=()).send(batch, "cdn")

    assert wire.calls[0].request.headers["Fastly-Soft-Purge"] == "1"


@responses.activate
def test_everything_of_a_service_without_hosts_is_one_call():
    wire = responses.post(f"{API}/service/SU1Z/purge_all", json={"status": "ok"})

    fastly(hosts=()).send(PurgeBatch(everything=True), "cdn")

    assert wire.call_count == 1


@responses.activate
def test_everything_of_some_hosts_leaves_the_rest_of_the_service():
    wire = responses.post(f"{API}/service/SU1Z/purge", json={"everything": "1"})

    fastly().send(PurgeBatch(everything=True), "cdn")

    assert json.loads(wire.calls[0].request.body) == {"surrogate_keys": ["everything"]}


@responses.activate
def test_a_url_is_named_without_its_scheme():
    wire = responses.post(f"{API}/purge/www.example.com/a%20b/", json=DONE)

    fastly(method="url").send(PurgeBatch(paths=frozenset({"/a%20b/"})), "cdn")

    assert wire.calls[0].request.url == f"{API}/purge/www.example.com/a%20b/"


@responses.activate
def test_no_path_becomes_another_call():
    purge_all = responses.post(f"{API}/service/SU1Z/purge_all", json={"status": "ok"})
    batch = PurgeBatch.of(["/../../service/SU1Z/purge_all", "https://www.example.com/../x/"])

    fastly(method="url").send(batch, "cdn")

    assert purge_all.call_count == 0


@responses.activate
def test_staging_is_a_header():
    wire = responses.post(f"{API}/service/SU1Z/purge", json={"a": "1"})

    fastly(staging=True).send(TAGS, "cdn")

    assert wire.calls[0].request.headers["Fastly-Purge-Environment"] == "staging"


@responses.activate
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 200, "json": {"status": "fail"}}, Transient),
        ({"status": 200, "body": "<html></html>"}, Transient),
        ({"status": 401, "json": {"msg": "Provided credentials are missing"}}, Rejected),
        ({"status": 404, "json": {"msg": "Record not found"}}, Rejected),
        ({"status": 503, "body": ""}, Transient),
    ],
)
def test_verdicts(answer, error):
    responses.post(f"{API}/service/SU1Z/purge", **answer)

    with pytest.raises(error):
        fastly().send(TAGS, "cdn")


def test_two_services_are_two_entries():
    shop = build(
        "shop",
        {
            "BACKEND": "dumper_purge.backends.fastly.FastlyBackend",
            "HOSTS": ["shop.example.com"],
            "OPTIONS": {"service_id": "OTHER", "token": "t1", "method": "url"},
        },
    )
    batch = PurgeBatch.of(["https://www.example.com/a/", "https://shop.example.com/b/"])
    with responses.RequestsMock() as mocked:
        mocked.post(f"{API}/purge/shop.example.com/b/", json=DONE)

        shop.send(batch, "shop")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"token": "a b"}, r"\['token'\] must be printable ASCII"),
        ({"token": "a\n"}, r"\['token'\] must be printable ASCII"),
        ({"base_url": "http://api.example"}, "must begin with https://"),
        ({"base_url": "https://user:pass@api.example"}, "with no secret"),
        ({"concurrency": 0}, "must be above 0"),
        ({"ttl_field": "Expires"}, "one of 'Surrogate-Control', 'Cache-Control'"),
        ({"zone": "x"}, "unknown option 'zone'"),
        ({"service_id": None}, "must be a str"),
        ({"service_id": "../x"}, "service_id"),
    ],
)
def test_bad_options_name_the_remedy(options, problem):
    with pytest.raises(ImproperlyConfigured, match=problem) as caught:
        fastly(**options)

    assert "a b" not in str(caught.value)
    assert "pass@" not in str(caught.value)


LIVE = {name: os.environ.get(f"DUMPER_LIVE_FASTLY_{name}") for name in ("SERVICE_ID", "TOKEN")}


@pytest.mark.skipif(not all(LIVE.values()), reason="DUMPER_LIVE_FASTLY_* are not set")
def test_the_real_one_purges_a_key_that_no_page_has():
    backend = fastly(service_id=LIVE["SERVICE_ID"], token=LIVE["TOKEN"])

    backend.send(PurgeBatch(tags=frozenset({"dumper-live-test"})), "cdn")
