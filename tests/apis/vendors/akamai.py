"""Akamai Fast Purge v3, as its OpenAPI description and pages say.

https://techdocs.akamai.com/purge-cache/reference/api,
https://github.com/akamai/akamai-apis/tree/main/apis/ccu/v3
"""

from tests.apis.server import Answer
from tests.apis.spec import Spec

OPERATIONS = {"tag": "purge_tags", "url": "purge_urls", "cpcode": "purge_everything"}
PROBLEM = {"Content-Type": "application/api-problem+json"}
DESCRIBED = "https://techdocs.akamai.com/purge-cache/reference/api-errors"
SUPPORT_ID = "edcp-NZbXzFpHBjcJeryhw6PVgG"


def purged(request):
    assert request.headers["authorization"].startswith("EG1-HMAC-SHA256 client_token=")
    assert len(request.body) <= 50_000
    kind, network = request.target.removeprefix("/ccu/v3/delete/").split("/")
    assert network == "production"
    return {(OPERATIONS[kind], name) for name in request.json["objects"]}


def problem(status, title, detail="", headers=None, **members):
    body = {
        "httpStatus": status,
        "supportId": SUPPORT_ID,
        "title": title,
        "detail": detail,
        "describedBy": DESCRIBED,
        **members,
    }
    return Answer(status, body, {**PROBLEM, **(headers or {})})


def denied(status, title, detail):
    """What stands in front of all of Akamai's APIs, and checks the signature."""
    kind = "request-error" if status == 400 else "deny"
    return Answer(
        status,
        {
            "type": f"https://problems.luna.akamaiapis.net/-/pep-authn/{kind}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": "https://akab-host.luna.akamaiapis.net/ccu/v3/delete/tag/production",
            "method": "POST",
            "requestId": "1458c14b",
        },
        {"Content-Type": "application/problem+json"},
    )


DONE = Answer(
    201,
    {
        "httpStatus": 201,
        "estimatedSeconds": 5,
        "purgeId": SUPPORT_ID,
        "supportId": SUPPORT_ID,
        "detail": "Request accepted",
    },
)
NO_TAGS_LEFT = problem(
    429,
    "TAG Rate Limit exceeded",
    headers={
        "X-Ratelimit-Remaining": "99",
        "X-Ratelimit-Limit-Per-Second": "50.00",
        "X-Ratelimit-Limit": "100",
        "X-Ratelimit-Remaining-Objects": "34",
        "X-Ratelimit-Limit-Per-Second-Objects": "8.33",
        "X-Ratelimit-Limit-Objects": "5000",
    },
    rateLimit=5000,
    rateLimitCurrentRequestSize=45,
    rateLimitRemaining=34,
)
FOREIGN_URL = problem(403, "unauthorized arl", "http://fpj-test.bad-ideas2.org/")
BUSY = problem(
    500,
    "internal error",
    "If problem persists over multiple requests, please contact Customer Care",
)


SPEC = Spec(
    name="akamai",
    backend="dumper_purge.backends.akamai.AkamaiBackend",
    options={
        "client_token": "akab-client-token-secret",
        "client_secret": "akamai-client-secret=",
        "access_token": "akab-access-token-secret",
    },
    secrets=("akab-client-token-secret", "akamai-client-secret=", "akab-access-token-secret"),
    purged=purged,
    done=DONE,
    throttled=NO_TAGS_LEFT,
    throttled_for=5,
    too_big=problem(413, "Request entity too large", "The maximum is 50000 bytes"),
    bad_item=FOREIGN_URL,
    refused=(
        denied(401, "Not authorized", "Inactive client token"),
        denied(401, "Not authorized", "The signature does not match"),
        denied(400, "Bad request", "Invalid client token"),
        problem(403, "Forbidden", "The authorization token does not allow access"),
        problem(404, "Not found"),
        problem(410, "Gone"),
    ),
    unconfirmed=(
        Answer(201, "<html></html>", {"Content-Type": "text/html"}),
        Answer(201, {"httpStatus": 201, "detail": "Request accepted"}),
        Answer(200, DONE.body),
        Answer(302, "", {"Location": "https://control.akamai.com/"}),
    ),
    transient=(
        BUSY,
        problem(408, "Request timeout"),
        problem(503, "Service unavailable"),
        problem(504, "Gateway timeout"),
        problem(507, "Insufficient storage"),
        Answer(502, "<html>Bad gateway</html>"),
        Answer(400, "<HTML><TITLE>Access Denied</TITLE></HTML>"),
        denied(400, "Bad request", "Invalid timestamp"),
    ),
    per_call={"purge_tags": 500, "purge_urls": 10_000, "purge_everything": 1},
)
