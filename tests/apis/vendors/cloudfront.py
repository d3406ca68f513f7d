"""CloudFront, as botocore's model and the error pages of its API reference say.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
"""

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.apis.server import Answer
from tests.apis.spec import HTML, Spec

DISTRIBUTION = "EDFDVBD6EXAMPLE"
NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
XML = {"Content-Type": "text/xml"}


def items_of(request):
    root = ET.fromstring(request.body)
    items = [item.text for item in root.iter(f"{{{NAMESPACE}}}Path")]
    assert int(root.find(f"{{{NAMESPACE}}}Paths/{{{NAMESPACE}}}Quantity").text) == len(items)
    return items


def reference_of(request):
    return ET.fromstring(request.body).find(f"{{{NAMESPACE}}}CallerReference").text


def named(item):
    if item.startswith("#"):
        return "purge_tags", item[1:]
    if item == "/*":
        return "purge_everything", ""
    return ("purge_prefixes", item[:-1]) if item.endswith("*") else ("purge_urls", item)


def purged(request):
    assert request.target == f"/2020-05-31/distribution/{DISTRIBUTION}/invalidation"
    return set(map(named, items_of(request)))


def done(request):
    batch = "".join(f"<Path>{escape(item)}</Path>" for item in items_of(request))
    return Answer(
        201,
        f'<?xml version="1.0"?>\n<Invalidation xmlns="{NAMESPACE}"><Id>IDFDVBD632BHDS5</Id>'
        "<Status>InProgress</Status><CreateTime>2026-11-26T16:00:00.000Z</CreateTime>"
        f"<InvalidationBatch><Paths><Quantity>{batch.count('<Path>')}</Quantity>"
        f"<Items>{batch}</Items></Paths><CallerReference>{reference_of(request)}"
        "</CallerReference></InvalidationBatch></Invalidation>",
        XML,
    )


def refused(status, code, message):
    return Answer(
        status,
        f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>4e6b1f4f-0000-11e0-9999-EXAMPLE</RequestId></ErrorResponse>",
        XML,
    )


IN_PROGRESS = refused(
    400,
    "TooManyInvalidationsInProgress",
    "Processing your request will cause you to exceed the maximum number of in-progress"
    " wildcard invalidations.",
)

SPEC = Spec(
    name="cloudfront",
    backend="dumper_purge.backends.cloudfront.CloudFrontBackend",
    options={
        "distribution_id": DISTRIBUTION,
        "tag_header": "Edge-Tags",
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "cloudfront-secret-key",
    },
    secrets=("AKIAIOSFODNN7EXAMPLE", "cloudfront-secret-key"),
    purged=purged,
    done=done,
    throttled=IN_PROGRESS,
    throttled_for=120,
    too_big=refused(413, "BatchTooLarge", "Invalidation batch specified is too large."),
    bad_item=refused(400, "InvalidArgument", "Your request contains one or more invalid paths."),
    refused=(
        refused(403, "AccessDenied", "User is not authorized to perform CreateInvalidation"),
        refused(403, "InvalidClientTokenId", "The security token is invalid."),
        refused(403, "SignatureDoesNotMatch", "The request signature does not match."),
        refused(404, "NoSuchDistribution", "The specified distribution does not exist."),
        refused(400, "RequestExpired", "The request is too old."),
    ),
    unconfirmed=(
        HTML,
        Answer(200, ""),
        Answer(201, f'<Invalidation xmlns="{NAMESPACE}"></Invalidation>', XML),
    ),
    transient=(
        Answer(500, "<html>Internal error</html>"),
        Answer(502, "<html>Bad gateway</html>"),
        refused(503, "ServiceUnavailable", "The request has failed."),
        refused(400, "Throttling", "Rate exceeded"),
    ),
    per_call={"purge_tags": 3_000, "purge_urls": 3_000, "purge_prefixes": 15},
)
