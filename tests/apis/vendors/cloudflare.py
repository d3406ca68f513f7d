"""Cloudflare, as its API and limits say: https://developers.cloudflare.com/cache/how-to/purge-cache/."""

from tests.apis.server import Answer
from tests.apis.spec import HTML, Spec

ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
OPERATIONS = {
    "tags": "purge_tags",
    "files": "purge_urls",
    "prefixes": "purge_prefixes",
    "hosts": "purge_hosts",
}


def refused(status, code, message, headers=None):
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return Answer(status, body, headers or {})


def purged(request):
    assert request.target == f"/zones/{ZONE}/purge_cache"
    if request.json == {"purge_everything": True}:
        return {("purge_everything", "")}
    ((name, items),) = request.json.items()
    return {(OPERATIONS[name], item) for item in items}


DONE = {
    "success": True,
    "errors": [],
    "messages": [],
    "result": {"id": "023e105f4ecef8ad9ca31a8372d0c353"},
}

SPEC = Spec(
    name="cloudflare",
    backend="dumper_purge.backends.cloudflare.CloudflareBackend",
    options={"zone_id": ZONE, "token": "cloudflare-secret-token"},
    secrets=("cloudflare-secret-token",),
    purged=purged,
    done=Answer(200, DONE),
    throttled=refused(
        429,
        10100,
        "Rate limited. Please wait and consider throttling your request speed",
        {
            "Retry-After": "12",
            "Ratelimit": '"default";r=0;t=30',
            "Ratelimit-Policy": '"default";q=25;w=300',
        },
    ),
    throttled_for=12,
    too_big=refused(400, 1094, "Too many items: at most 100 may be purged at once"),
    bad_item=refused(400, 1016, "Unable to purge, invalid item"),
    refused=(
        refused(403, 10000, "Authentication error"),
        refused(403, 9109, "Unauthorized to access requested resource"),
        refused(401, 1000, "Invalid API Token"),
        refused(400, 6003, "Invalid request headers"),
        refused(
            404, 7003, "Could not route to /zones/x, perhaps your object identifier is invalid?"
        ),
    ),
    unconfirmed=(
        HTML,
        Answer(200, ""),
        Answer(200, {"success": False, "errors": [], "messages": [], "result": None}),
        Answer(200, {"success": "true"}),
        refused(200, 10000, "Authentication error"),
    ),
    per_call={"purge_tags": 100, "purge_urls": 100, "purge_prefixes": 100, "purge_hosts": 100},
)
