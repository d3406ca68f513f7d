"""Every cache in the small: what it reads in a response, how long it keeps it, what it passes on.

Written from the vendors' documentation, and not from the backends.
"""

import re
from dataclasses import dataclass, field

__all__ = ["ENTRIES", "MODELS", "Kept", "entry"]

A, B = "a.example", "b.example"
DEFAULT_TTL = 7_200


@dataclass
class Kept:
    """What became of a response: seconds (0: not stored), its tags, and what goes on outwards."""

    ttl: int
    tags: frozenset
    passed_on: dict = field(default_factory=dict)


def directives(value):
    pairs = (part.strip().partition("=") for part in value.lower().split(","))
    return {name.strip(): text.strip() for name, _, text in pairs if name}


def seconds(value, *names):
    """Return the first lifetime of a field; 0 if it forbids storing, None if it says nothing."""
    found = directives(value)
    if {"private", "no-store", "no-cache"} & found.keys():
        return 0
    texts = [found[name] for name in names if name in found]
    return int(texts[0]) if texts else None


def by_cache_control(headers, default=0):
    ttl = seconds(headers.get("cache-control", ""), "s-maxage", "max-age")
    return default if ttl is None else ttl


def by_first(headers, names, default=0):
    """Return what the first targeted field says, else Cache-Control."""
    for name in names:
        if headers.get(name):
            return seconds(headers[name], "s-maxage", "max-age") or 0
    return by_cache_control(headers, default)


def listed(headers, name, separator, *, most=10**6, longest=10**6, form=r"[!-+\--~]+", bytes=10**6):
    """Return the tags of a header that a cache keeps: what is beyond its limits it drops."""
    value = headers.get(name, "")[:bytes]
    tags = [tag.strip() for tag in re.split(separator, value) if tag.strip()]
    return [tag for tag in tags if len(tag) <= longest and re.fullmatch(form, tag)][:most]


def without(headers, *names):
    return {name: value for name, value in headers.items() if name not in names}


def fastly(headers):
    """It passes what is private, and takes no note of no-store and no-cache."""
    said = headers.get("surrogate-control") or headers.get("cache-control", "")
    found = directives(said)
    ttl = next((int(found[n]) for n in ("s-maxage", "max-age") if n in found), 3_600)
    if "private" in directives(headers.get("cache-control", "")) or "set-cookie" in headers:
        ttl = 0
    tags = listed(headers, "surrogate-key", " ", longest=1_024, form=r"[!-~]+", bytes=16_384)
    return Kept(ttl, frozenset(tags), without(headers, "surrogate-control", "surrogate-key"))


def cloudflare(headers):
    """With Surrogate-Control present it takes no note of Cache-Control (origin cache control)."""
    targeted = ["cloudflare-cdn-cache-control", "cdn-cache-control"]
    heard = without(headers, "cache-control") if "surrogate-control" in headers else headers
    tags = listed(headers, "cache-tag", ",", longest=1_024, bytes=16_384)
    return Kept(
        by_first(heard, targeted, DEFAULT_TTL),
        frozenset(map(str.lower, tags)),
        without(headers, "cache-tag", "cloudflare-cdn-cache-control"),
    )


def cloudfront(headers):
    tags = listed(headers, "edge-tags", ",", most=50, longest=256)
    return Kept(by_cache_control(headers), frozenset(map(str.lower, tags)), dict(headers))


def akamai(headers):
    """It goes by Edge-Control first, whose words are its own."""
    said = directives(headers.get("edge-control", ""))
    ttl = by_cache_control(headers)
    if "no-store" in said:
        ttl = 0
    elif "cache-maxage" in said:
        ttl = int(said["cache-maxage"].removesuffix("s"))
    form = r"[A-Za-z0-9!#$%'+./^_`|~-]+"
    tags = listed(
        headers, "edge-cache-tag", ",", most=128, longest=128, form=form, bytes=8_192 - 16
    )
    return Kept(ttl, frozenset(tags), without(headers, "edge-cache-tag"))


def google(headers):
    form = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
    tags = listed(headers, "cache-tag", ",", most=50, longest=120, form=form, bytes=4_096)
    return Kept(by_cache_control(headers), frozenset(tags), dict(headers))


def azure(headers):
    return Kept(by_cache_control(headers), frozenset(), dict(headers))


def bunny(headers):
    tags = listed(headers, "cdn-tag", ",", bytes=1_024)
    return Kept(by_cache_control(headers), frozenset(tags), dict(headers))


def nginx(headers):
    """With nginx/dumper.conf."""
    ttl = by_first(headers, ["surrogate-control", "cdn-cache-control"])
    return Kept(ttl, frozenset(), without(headers, "surrogate-control"))


def squid(headers):
    """With squid/dumper.conf. What has Surrogate-Control is stale at once (Squid 5)."""
    ttl = 0 if "surrogate-control" in headers else by_cache_control(headers)
    passed_on = without(headers, "surrogate-control") | {"cache-control": "max-age=0"}
    return Kept(ttl, frozenset(), passed_on)


def varnish(headers):
    """With vcl/dumper.vcl."""
    ttl = by_first(headers, ["surrogate-control", "cdn-cache-control"])
    tags = listed(headers, "xkey", r"[ ,]+", form=r"[!-~]+", bytes=8_000)
    return Kept(ttl, frozenset(tags), without(headers, "surrogate-control", "xkey"))


def generic(headers):
    """Such as KeyCDN, which separates tags by spaces, and leaves them in."""
    tags = listed(headers, "cache-tag", " ", form=r"[A-Za-z0-9_.-]+")
    return Kept(by_cache_control(headers), frozenset(tags), dict(headers))


def entry(name, hosts=(A,), **options):
    """Return an entry of DUMPER_BACKENDS."""
    backend, usual, location = ENTRIES[name]
    made = {"BACKEND": f"dumper_purge.backends.{backend}", "HOSTS": list(hosts)}
    return made | location | {"OPTIONS": {**usual, **options}}


NODES = {"LOCATION": ["http://127.0.0.1:9"]}
KEYCDN = {
    "base_url": "https://api.keycdn.com",
    "secret_headers": {"Authorization": "Basic c2tfcHJvZF9rZXk6"},
    "operations": {
        "tags": {"method": "DELETE", "path": "/zones/purgetag/1.json", "json": {"tags": "{items}"}}
    },
    "tag_field": "Cache-Tag",
    "tag_separator": " ",
}
ENTRIES = {
    "fastly": ("fastly.FastlyBackend", {"service_id": "SU1Z", "token": "t"}, {}),
    "fastly, Cache-Control": (
        "fastly.FastlyBackend",
        {"service_id": "SU1Z", "token": "t", "ttl_field": "Cache-Control"},
        {},
    ),
    "cloudflare": ("cloudflare.CloudflareBackend", {"zone_id": "0" * 32, "token": "t"}, {}),
    "cloudfront": (
        "cloudfront.CloudFrontBackend",
        {"distribution_id": "E1", "tag_header": "Edge-Tags"},
        {},
    ),
    "akamai": (
        "akamai.AkamaiBackend",
        {
            "base_url": "https://akab.example.net",
            "client_token": "c",
            "client_secret": "s",
            "access_token": "a",
        },
        {},
    ),
    "google": ("google.GoogleCloudBackend", {"project": "parlour", "url_map": "site"}, {}),
    "azure": (
        "azure.AzureFrontDoorBackend",
        {
            "subscription_id": "0b1f6471",
            "resource_group": "shop-rg",
            "profile": "shop",
            "endpoint": "www",
            "tenant_id": "tenant",
            "client_id": "client",
            "client_secret": "s",
        },
        {},
    ),
    "bunny": ("bunny.BunnyBackend", {"pull_zone": 1, "access_key": "k"}, {}),
    "nginx": ("nginx.NginxBackend", {"token": "t"}, NODES),
    "squid": ("squid.SquidBackend", {"token": "t"}, NODES),
    "varnish, xkey": ("varnish.VarnishBackend", {"token": "t", "method": "xkey"}, NODES),
    "varnish, purge": ("varnish.VarnishBackend", {"token": "t"}, NODES),
    "generic": ("generic.GenericHTTPBackend", KEYCDN, {}),
}
MODELS = {
    "fastly": fastly,
    "fastly, Cache-Control": fastly,
    "cloudflare": cloudflare,
    "cloudfront": cloudfront,
    "akamai": akamai,
    "google": google,
    "azure": azure,
    "bunny": bunny,
    "nginx": nginx,
    "squid": squid,
    "varnish, xkey": varnish,
    "varnish, purge": varnish,
    "generic": generic,
}
