"""Paths and URLs in canonical form, and the tags that follow from a path alone.

The canonical form is what :func:`django.urls.reverse` writes: percent-encoded UTF-8, upper-case
hexadecimal digits, nothing encoded that RFC 3986 (sections 2.3 and 3.3) lets stand in a path.
"""

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

from dumper_purge.exceptions import InvalidDependent

__all__ = [
    "EVERYTHING",
    "PREFIX_LEVELS",
    "canonical_host",
    "canonical_paths",
    "canonical_prefixes",
    "canonical_urls",
    "encode_path",
    "has_dot_segment",
    "is_canonical",
    "path_tag",
    "prefix_tag",
    "prefix_tags",
    "url_path",
]

EVERYTHING = "everything"
"""The tag that every stored response carries."""

PREFIX_LEVELS = 3
"""How many leading segments of a path have a prefix tag of their own."""

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _BASE32 for second in _BASE32)
_SAFE = "/:@!$&'()*+,;=~-._"
_PLAIN = re.compile(r"/(?!/)[A-Za-z0-9/:@!$&'()*+,;=~_.-]*")
_DOT_SEGMENT = re.compile(r"/\.{1,2}(?:/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def encode_path(text: str) -> str:
    """Return the canonical form of a *decoded* path, such as ``request.path``."""
    return quote(text, safe=_SAFE)


def has_dot_segment(path: str) -> bool:
    """Tell whether ``.`` or ``..`` is one of the segments: no such page is ever stored."""
    return _DOT_SEGMENT.search(path) is not None


def is_canonical(path: str) -> bool:
    """Tell whether a raw request path is in canonical form, so that a purge can name it."""
    if has_dot_segment(path):
        return False
    if _PLAIN.fullmatch(path):
        return True
    return path[:1] == "/" and path[:2] != "//" and quote(unquote_to_bytes(path), _SAFE) == path


def canonical_paths(path: str) -> tuple[str, ...]:
    """Return the canonical forms that ``path`` may mean, mostly one.

    A purge of a path covers all of its queries, so a query string or fragment is dropped. But text
    with ``?``, ``#`` or ``%`` may have been written encoded or decoded, as a slug ``C#`` is: every
    reading is returned, because purging too much is allowed and too little is not.

    Raises :class:`InvalidDependent` for anything but a path that starts with one slash.
    """
    if isinstance(path, str) and _PLAIN.fullmatch(path):
        return (path,)
    whole = _checked_path(path)
    cut = whole.partition("#")[0].partition("?")[0]
    return tuple(dict.fromkeys((*_spellings(cut), *_spellings(whole))))


def _checked_path(path: object) -> str:
    if not isinstance(path, str):
        raise InvalidDependent(f"A path is a str such as '/news/', not {path!r}.")
    if not path.startswith("/"):
        raise InvalidDependent(f"The path {path!r} has no leading slash: write '/{path[:80]}'.")
    if path.startswith("//"):
        raise InvalidDependent(
            f"The path {path!r} names a host: write 'https://{path.lstrip('/')[:80]}' for a URL,"
            " or one leading slash for a path."
        )
    if _CONTROL.search(path):
        raise InvalidDependent(
            f"The path {path!r} has a control character; encode it with urllib.parse.quote()."
        )
    return path


def _spellings(path: str) -> tuple[str, ...]:
    try:
        decoded = quote(unquote_to_bytes(path), safe=_SAFE)
        literal = encode_path(path)
    except UnicodeEncodeError as error:
        raise InvalidDependent(f"The path {path!r} cannot be written as UTF-8.") from error
    return (decoded,) if decoded == path else (decoded, literal)


def canonical_prefixes(path: str) -> tuple[str, ...]:
    """Return the canonical forms of a path's beginning; raise for an empty one."""
    if path == "":
        raise InvalidDependent(
            "The prefix '' would match everything: call purge_everything() if that is meant."
        )
    return canonical_paths(path)


def canonical_host(host: str) -> str:
    """Return ``host[:port]`` in lower case; raise for anything else, such as a URL."""
    lowered = host.lower().rstrip(".")
    if not _HOST.fullmatch(lowered):
        raise InvalidDependent(f"{host!r} is no host: write 'www.example.com', with no scheme.")
    return lowered


def canonical_urls(url: str) -> tuple[str, ...]:
    """Return what an absolute URL may mean, with lower-case host and no default port.

    Raises :class:`InvalidDependent` for another scheme than http or https, or credentials.
    """
    if _CONTROL.search(url):
        raise InvalidDependent(f"The URL {url!r} has a control character.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidDependent(f"{url!r} is no URL: {error}.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidDependent(f"The URL {url!r} must begin with 'http://' or 'https://'.")
    if "@" in parts.netloc:
        raise InvalidDependent(f"The URL of host {parts.hostname!r} must not carry credentials.")
    host = canonical_host(parts.netloc).removesuffix(_DEFAULT_PORTS[parts.scheme])
    path = url.removeprefix(f"{url.partition('://')[0]}://{parts.netloc}")
    readings = canonical_paths(path if path.startswith("/") else f"/{path}")
    return tuple(f"{parts.scheme}://{host}{reading}" for reading in readings)


def url_path(url: str) -> str:
    """Return the path of a canonical URL."""
    return "/" + url.split("/", 3)[3]


def _hashed(kind: str, text: str) -> str:
    """Return a kind and 50 bits in base32 (RFC 4648, 6), in lower case: two characters at once."""
    digest = hashlib.blake2b(text.encode(), digest_size=10).digest()
    bits = int.from_bytes(digest, "big") >> 30
    return kind + "".join([_PAIRS[bits >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


@lru_cache(maxsize=8192)
def path_tag(path: str) -> str:
    """Return the tag that every response to this canonical path carries: ``p`` and 50 bits."""
    return _hashed("p", path)


@lru_cache(maxsize=8192)
def prefix_tags(path: str) -> tuple[str, ...]:
    """Return the tags of the folders that a canonical path lies in, itself not included."""
    segments = path.removesuffix("/").rpartition("/")[0].split("/")[1 : PREFIX_LEVELS + 1]
    return tuple(_folder_tag(segments[:level]) for level in range(1, len(segments) + 1))


def prefix_tag(prefix: str) -> str | None:
    """Return the tag of the nearest folder that holds all of a canonical prefix.

    None where there is no such folder and only everything is left. The folder's own page does
    not carry it: a purge of ``/news/`` as a prefix has to purge the path ``/news/`` as well.
    """
    segments = prefix.rpartition("/")[0].split("/")[1 : PREFIX_LEVELS + 1]
    return _folder_tag(segments) if segments else None


def _folder_tag(segments: list[str]) -> str:
    return _hashed("d", "/".join(["", *segments, ""]))
