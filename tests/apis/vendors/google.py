"""Google's Compute Engine API: https://cloud.google.com/compute/docs/reference/rest/v1/urlMaps."""

import json
import tempfile
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)  # fmt: skip

from tests.apis.server import Answer
from tests.apis.spec import HTML, Spec

INVALIDATE = "/projects/parlour/global/urlMaps/site/invalidateCache?requestId="


@cache
def key():
    """A private key, as it stands in the key file of a service account."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def key_file():
    """The path of a key file, which no server has to be asked about."""
    folder = tempfile.TemporaryDirectory(prefix="dumper-google-")
    key_file.folder = folder  # It is there as long as the tests run.
    path = Path(folder.name) / "key.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "purger@parlour.iam.gserviceaccount.com",
                "private_key_id": "1",
                "private_key": key(),
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )
    )
    return str(path)


def error(status, reason, message, **headers):
    """Return an error as all of Google's REST APIs write it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    body = {"error": {"code": status, "message": message, "errors": errors}}
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def purged(request):
    assert request.target.startswith(INVALIDATE)
    rule = request.json
    if "cacheTags" in rule:
        return {("purge_tags", tag) for tag in rule["cacheTags"]}
    if rule == {"path": "/*"}:
        return {("purge_everything", "")}
    return {("purge_urls", f"https://{rule['host']}{rule['path']}")}


OPERATION = {
    "kind": "compute#operation",
    "id": "8374659",
    "name": "operation-1700000000000",
    "operationType": "invalidateCache",
    "status": "RUNNING",
    "progress": 0,
}

SPEC = Spec(
    name="google",
    backend="dumper_purge.backends.google.GoogleCloudBackend",
    options={"project": "parlour", "url_map": "site", "service_account_file": key_file()},
    secrets=(key().splitlines()[1],),
    purged=purged,
    done=Answer(200, OPERATION),
    throttled=error(429, "rateLimitExceeded", "Rate Limit Exceeded", Retry_After="9"),
    throttled_for=9,
    too_big=error(400, "invalid", "Invalid value for field 'resource.cacheTags': too many"),
    bad_item=error(400, "invalid", "Invalid value for field 'resource.path': '/a?'"),
    refused=(
        error(401, "authError", "Request had invalid authentication credentials."),
        error(403, "forbidden", "Required 'compute.urlMaps.invalidateCache' permission"),
        error(404, "notFound", "The resource 'projects/parlour/global/urlMaps/site' was not found"),
    ),
    unconfirmed=(
        HTML,
        Answer(200, {}),
        Answer(200, OPERATION | {"error": {"errors": [{"code": "INTERNAL_ERROR"}]}}),
    ),
    transient=(
        error(503, "backendError", "Backend Error"),
        error(400, "resourceNotReady", "The resource is not ready"),
        Answer(502, "<html>Bad gateway</html>"),
    ),
    per_call={"purge_tags": 10, "purge_urls": 1},
)
