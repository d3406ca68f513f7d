"""Azure Front Door behind Azure Resource Manager, as ``azure-mgmt-cdn`` and its pages say.

https://learn.microsoft.com/rest/api/frontdoor/azurefrontdoorstandardpremium/afd-endpoints/purge-content,
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from dataclasses import dataclass

from dumper_purge.backends.azure import AzureFrontDoorBackend
from dumper_purge.transport.pooled import Token
from tests.apis.server import Answer
from tests.apis.spec import Spec

ENDPOINT = (
    "/subscriptions/0b1f6471/resourceGroups/shop-rg/providers/Microsoft.Cdn/profiles/shop/"
    "afdEndpoints/www"
)
ARM = {"x-ms-request-id": "5a9d0a3c", "x-ms-correlation-request-id": "5a9d0a3c"}


@dataclass(frozen=True, kw_only=True)
class Signed(AzureFrontDoorBackend):
    """The backend, with a token that nobody had to be asked for."""

    def auth(self):
        return Token("Authorization", "Bearer azure-access-token")


def purged(request):
    assert request.target == f"{ENDPOINT}/purge?api-version=2026-10-01"
    assert request.headers["authorization"] == "Bearer azure-access-token"
    paths = request.json["contentPaths"]
    assert len(paths) <= 100
    if paths == ["/*"]:
        return {("purge_everything", "")}
    folders = {path.removesuffix("*") for path in paths if path.endswith("*")}
    urls = {("purge_urls", path) for path in paths if not path.endswith("*")}
    return {("purge_prefixes", folder) for folder in folders} | {
        item for item in urls if item[1] not in folders
    }


def refusal(status, code, message, **headers):
    return Answer(status, {"error": {"code": code, "message": message}}, {**ARM, **headers})


ACCEPTED = Answer(
    202, "", {**ARM, "Location": "https://management.azure.com/operations/1", "Retry-After": "10"}
)
BAD_PATH = refusal(
    400,
    "BadRequest",
    'Invalid ContentPath "/$web/*". ContentPath for purge action must be a relative path: either'
    ' for a single resource "/path/pic.jpg" or a wild card "/path/*".',
)
THROTTLED = refusal(
    429,
    "SubscriptionRequestsThrottled",
    "Number of requests for subscription '0b1f6471' and operation 'POST' exceeded the limit.",
    **{"Retry-After": "17"},
)

SPEC = Spec(
    name="azure",
    backend="tests.apis.vendors.azure.Signed",
    options={
        "subscription_id": "0b1f6471",
        "resource_group": "shop-rg",
        "profile": "shop",
        "endpoint": "www",
        "tenant_id": "tenant",
        "client_id": "client",
        "client_secret": "azure-client-secret",
    },
    secrets=("azure-client-secret",),
    purged=purged,
    done=ACCEPTED,
    throttled=THROTTLED,
    throttled_for=17,
    too_big=Answer(413, ""),
    bad_item=BAD_PATH,
    refused=(
        refusal(401, "InvalidAuthenticationToken", "The access token is invalid."),
        refusal(403, "AuthorizationFailed", "The client does not have authorization."),
        refusal(404, "ResourceNotFound", "The Resource was not found."),
        refusal(404, "SubscriptionNotFound", "The subscription could not be found."),
        refusal(400, "InvalidApiVersionParameter", "The api-version '1' is invalid."),
        refusal(400, "NoRegisteredProviderFound", "No registered resource provider found."),
        refusal(400, "InvalidSubscriptionId", "The provided subscription identifier is malformed."),
    ),
    unconfirmed=(
        Answer(200, "<html></html>", {"Content-Type": "text/html"}),
        Answer(202, ""),
        Answer(302, "", {"Location": "https://login.microsoftonline.com/"}),
    ),
    transient=(
        refusal(409, "Conflict", "Another operation is in progress."),
        refusal(409, "AnotherOperationInProgress", "Another operation is in progress."),
        refusal(500, "InternalServerError", "Try again."),
        refusal(503, "ServiceUnavailable", "Try again."),
        refusal(504, "GatewayTimeout", "The gateway did not receive a response."),
        Answer(502, "<html>Bad gateway</html>"),
    ),
    per_call={"purge_urls": 100, "purge_prefixes": 50, "purge_everything": 1},
)
