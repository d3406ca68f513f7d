"""bunny.net, as its API reference says: https://docs.bunny.net/api-reference/core."""

from urllib.parse import parse_qs, urlsplit

from tests.apis.server import Answer
from tests.apis.spec import HTML, Spec


def purged(request):
    url = urlsplit(request.target)
    if url.path == "/purge":
        return {("purge_urls", parse_qs(url.query)["url"][0])}
    assert url.path == "/pullzone/4711/purgeCache"
    if not request.body:
        return {("purge_everything", "")}
    return {("purge_tags", request.json["CacheTag"])}


SPEC = Spec(
    name="bunny",
    backend="dumper_purge.backends.bunny.BunnyBackend",
    options={"pull_zone": 4711, "access_key": "bunny-secret-key", "max_items": 10_000},
    secrets=("bunny-secret-key",),
    purged=purged,
    done=Answer(204),
    throttled=Answer(429, {"Message": "Too Many Requests"}, {"Retry-After": "11"}),
    throttled_for=11,
    bad_item=Answer(
        400, {"ErrorKey": "purge.urls_invalid", "Field": "Urls", "Message": "The URL is invalid"}
    ),
    refused=(
        Answer(401, {"Message": "Authorization has been denied for this request."}),
        Answer(
            404,
            {
                "ErrorKey": "pullZone.not_found",
                "Field": "PullZone",
                "Message": "The requested Pull Zone was not found",
            },
        ),
    ),
    unconfirmed=(
        HTML,
        Answer(200, {"ErrorKey": "pullZone.not_found", "Message": "was not found"}),
    ),
    per_call={"purge_tags": 1, "purge_urls": 1},
)
