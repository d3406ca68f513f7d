"""Fastly, as its reference says: https://www.fastly.com/documentation/reference/api/purging/."""

from tests.apis.server import Answer
from tests.apis.spec import Spec


def purged(request):
    if request.target == "/service/SU1Z/purge":
        return {("purge_tags", tag) for tag in request.json["surrogate_keys"]}
    if request.target == "/service/SU1Z/purge_all":
        return {("purge_everything", "")}
    return {("purge_urls", "https://" + request.target.removeprefix("/purge/"))}


def done(request):
    if request.target.endswith("/purge"):
        tags = request.json["surrogate_keys"]
        return Answer(200, {tag: f"20940-{number}" for number, tag in enumerate(tags)})
    return Answer(200, {"status": "ok", "id": "20940-1591-1"})


SPEC = Spec(
    name="fastly",
    backend="dumper_purge.backends.fastly.FastlyBackend",
    options={"service_id": "SU1Z", "token": "fastly-secret-token"},
    secrets=("fastly-secret-token",),
    purged=purged,
    done=done,
    throttled=Answer(429, {"msg": "Rate limit exceeded"}, {"Retry-After": "7"}),
    throttled_for=7,
    too_big=Answer(
        400,
        {
            "status": "fail",
            "reason": "Batch surrogate key request only supports up to 256 surrogate keys",
        },
    ),
    bad_item=Answer(400, {"msg": "Bad request", "detail": "Invalid surrogate key"}),
    refused=(
        Answer(401, {"msg": "Provided credentials are missing or invalid"}),
        Answer(403, {"msg": "You are not authorized to perform this action"}),
        Answer(404, {"msg": "Record not found", "detail": "Cannot load service"}),
    ),
    unconfirmed=(
        Answer(200, {"status": "fail"}),
        Answer(200, "<html></html>", {"Content-Type": "text/html"}),
        Answer(200, ""),
    ),
    per_call={"purge_tags": 256, "purge_urls": 1},
)
