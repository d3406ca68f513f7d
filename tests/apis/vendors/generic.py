"""KeyCDN, which nobody wrote a backend for: https://www.keycdn.com/api."""

from tests.apis.server import Answer
from tests.apis.spec import HTML, Spec

OPTIONS = {
    "secret_headers": {"Authorization": "Basic a2V5Y2RuLXNlY3JldDo="},
    "operations": {
        "urls": {
            "method": "DELETE",
            "path": "/zones/purgeurl/12345.json",
            "json": {"urls": ["{host}{path}"]},
            "items": 100,
        },
        "tags": {
            "method": "DELETE",
            "path": "/zones/purgetag/12345.json",
            "json": {"tags": "{items}"},
            "items": 100,
            "bytes": 128,
        },
        "everything": {"method": "GET", "path": "/zones/purge/12345.json"},
    },
    "confirm": {"/status": "success"},
    "tag_field": "Cache-Tag",
    "tag_separator": " ",
}


def purged(request):
    if request.target == "/zones/purge/12345.json":
        return {("purge_everything", "")}
    if request.target == "/zones/purgeurl/12345.json":
        return {("purge_urls", "https://" + url) for url in request.json["urls"]}
    assert request.target == "/zones/purgetag/12345.json"
    return {("purge_tags", tag) for tag in request.json["tags"]}


SPEC = Spec(
    name="generic",
    backend="dumper_purge.backends.generic.GenericHTTPBackend",
    options=OPTIONS,
    secrets=("Basic a2V5Y2RuLXNlY3JldDo=", "a2V5Y2RuLXNlY3JldDo="),
    purged=purged,
    done=Answer(200, {"status": "success", "description": "Cache has been cleared for 12345."}),
    throttled=Answer(
        429, {"status": "error", "description": "Rate limit exceeded"}, {"Retry-After": "13"}
    ),
    throttled_for=13,
    too_big=Answer(413, {"status": "error", "description": "Request entity too large"}),
    bad_item=Answer(400, {"status": "error", "description": "Bad request"}),
    refused=(
        Answer(401, {"status": "error", "description": "Unauthorized"}),
        Answer(403, {"status": "error", "description": "Forbidden"}),
        Answer(404, {"status": "error", "description": "Zone not found"}),
    ),
    unconfirmed=(HTML, Answer(200, {"status": "error", "description": "Please try again"})),
    per_call={"purge_tags": 8, "purge_urls": 100},
)
