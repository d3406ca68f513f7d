"""The address of a request: all that a stored page is found by, except what it varies on."""

import hashlib
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from dumper_purge import paths
from dumper_purge.respond.directives import may_be_declared, query_of
from dumper_purge.respond.layers import Layers, Route
from dumper_purge.respond.shared_cache import Key

__all__ = ["Address", "address", "variant"]

_LONGEST = 180
_LONG = 500
_MOST = 4096
_NOT_CANONICAL = "the path is not canonical"
_UNLIKELY_HOST = re.compile(r".{256}|:[0-9]{6}")


class Address(NamedTuple):
    """Where the pages of a request are stored, and the tags that all of them carry."""

    key: Key
    host: str
    route: Route
    query: str
    tracking: str


def address(request: Any, layers: Layers) -> "Address | str":
    """Return the address of a request, or the reason why it has none."""
    said = request.META.get
    if layers.behind_proxy or said("QUERY_STRING"):
        return _worked_out(request, layers)
    # All that Django's own host, and scheme, depend on.
    known = (
        request._get_scheme(), said("HTTP_HOST"), said("SERVER_NAME"), said("SERVER_PORT"),
        said("SCRIPT_NAME"), request.path, *layers.allowed_hosts,
    )  # fmt: skip
    found = layers.addresses.get(known)
    if found is None:
        found = _worked_out(request, layers)
        if not isinstance(found, str) and len(request.path) < _LONG:
            if len(layers.addresses) >= _MOST:
                layers.addresses.clear()
            layers.addresses[known] = found
    elif not _is_as_sent(request, found.route.path):
        return _NOT_CANONICAL
    return found


def _worked_out(request: HttpRequest, layers: Layers) -> "Address | str":
    route = layers.route(request.path)
    if not route.path or not _is_as_sent(request, route.path):
        return _NOT_CANONICAL
    try:
        host = request.get_host()
    except DisallowedHost:
        return "the host is not allowed"
    if host != host.lower() or host.endswith(".") or _UNLIKELY_HOST.search(host):
        return "the host is not canonical"
    query = tracking = ""
    if raw := request.META.get("QUERY_STRING"):
        try:
            query, tracking = _counted(request, raw, layers)
        except ValueError as error:
            return str(error)
    key = _key(f"{request.scheme}://{host}{route.path}?{query}{_script(request)}", layers)
    return Address(layers.generations.made(key), host, route, query, tracking)


def _script(request: HttpRequest) -> str:
    # The same path leads to another view where the site begins elsewhere.
    script: str = request.META.get("SCRIPT_NAME", "")
    return f"|{paths.encode_path(script)}" if script else ""


def _key(url: str, layers: Layers) -> str:
    key = f"{layers.page_prefix}{url}"
    if len(key) <= _LONGEST:
        return key
    return f"{layers.page_prefix}#{_digest(url)}"


def variant(address: Address, names: tuple[str, ...], request: HttpRequest, layers: Layers) -> Key:
    """Return the key of one variant of a page that varies on the request headers ``names``."""
    # No URL has a "#" in its path or query.
    digest = _digest(repr([(name, _header(request, name)) for name in names]))
    return layers.generations.made(f"{address.key.plain}#{digest}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _header(request: HttpRequest, name: str) -> str | None:
    meta_name = name.upper().replace("-", "_")
    if meta_name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        meta_name = f"HTTP_{meta_name}"
    value: str | None = request.META.get(meta_name)
    if value is not None and name == "accept-encoding":
        # Its order does not count (RFC 9110, section 12.5.3): fewer variants of the same page.
        return ",".join(sorted(coding.strip() for coding in value.lower().split(",")))
    return value


def _is_as_sent(request: HttpRequest, path: str) -> bool:
    # Django sees the decoded path. Where the server tells the one that was sent, only that of the
    # canonical form is stored: a purge by URL names no other. A proxy may have cut off a prefix.
    if request.META.get("RAW_URI") == path:
        return True
    raw = _raw_path(request)
    return raw is None or raw in {path, paths.encode_path(request.path_info)}


def _raw_path(request: Any) -> str | None:
    if "scope" in request.__dict__:
        sent: bytes | None = request.scope.get("raw_path")
        return None if sent is None else sent.decode("latin-1").partition("?")[0]
    target: str | None = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
    if not target:
        return None
    if target[0] != "/":
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, mark, query = target.partition("?")
    return path if query else path + mark  # No purge by URL names "/?".


def _counted(request: HttpRequest, raw: str, layers: Layers) -> tuple[str, str]:
    if not raw.isascii():
        raise ValueError("the query is not encoded")
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        )
    except ValueError as error:
        raise ValueError("the query cannot be read") from error
    counted: list[tuple[str, str]] = []
    tracking: list[tuple[str, str]] = []
    # Sorted by name alone: of a repeated parameter the last value counts, in Django.
    for pair in sorted(pairs, key=lambda pair: pair[0]):
        tracks = pair[0] not in layers.declared and layers.tracking.fullmatch(pair[0])
        (tracking if tracks else counted).append(pair)
    if not _is_declared(request, {name for name, _ in counted}, layers):
        raise ValueError("a query parameter was not declared")
    return urlencode(counted), urlencode(tracking)


def _is_declared(request: HttpRequest, names: set[str], layers: Layers) -> bool:
    unknown = names - layers.declared
    if not unknown:
        return True
    if not may_be_declared(unknown):
        return False
    try:
        match = resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return False
    declared = query_of(match.func)
    return declared is not None and names <= declared
