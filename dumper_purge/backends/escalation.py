"""What to purge where a cache cannot purge exactly what was asked: more, never less."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from dumper_purge.batch import PurgeBatch, literal_prefix
from dumper_purge.paths import PREFIX_LEVELS, url_path

__all__ = [
    "is_folder",
    "joined",
    "pattern_regex",
    "places",
    "regexes_by_host",
    "url_host",
    "wildcard_path",
]

# What PCRE reads otherwise than Python, and what the VCL refuses.
_UNPORTABLE = re.compile(r"[^\x21-\x7e]|\"|\\[uUN]|\(\?[a-zA-Z]*[auL]|\{,|\[\^?\[?[:.=]")


def places(batch: PurgeBatch, hosts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield host and path of every URL; those on hosts that are not served are left out."""
    served = frozenset(hosts)
    for host in served:
        for path in batch.paths:
            yield host, path
    for url in batch.urls:
        host, path = url_host(url), url_path(url)
        if not served or (host in served and path not in batch.paths):
            yield host, path


def url_host(url: str) -> str:
    """Return ``host[:port]`` of a canonical URL."""
    return url.split("/", 3)[2]


def is_folder(prefix: str) -> bool:
    """Tell whether a prefix tag stands for exactly this prefix."""
    return prefix.endswith("/") and prefix.count("/") <= PREFIX_LEVELS + 1


def wildcard_path(path: str) -> str:
    """Return a path; where it holds a ``*``, which the cache takes for a wildcard, its folder."""
    before, star, _ = path.partition("*")
    return before[: before.rfind("/") + 1] + "*" if star else path


def regexes_by_host(
    batch: PurgeBatch, hosts: Iterable[str], limit: int
) -> Iterator[tuple[str | None, str]]:
    """Yield regular expressions for whole paths, with the host they are for (None: any).

    Each has at most ``limit`` characters.
    """
    served = frozenset(hosts)
    anywhere = [path_regex(path, limit) for path in batch.paths]
    anywhere += [prefix_regex(prefix, limit) for prefix in batch.prefixes]
    for regex in merged_regexes(anywhere, limit):
        yield None, regex
    by_host = defaultdict(list)
    for url in batch.urls:
        if not served or url_host(url) in served:
            by_host[url_host(url)].append(path_regex(url_path(url), limit))
    for host, regexes in by_host.items():
        for regex in merged_regexes(regexes, limit):
            yield host, regex
    for pattern in batch.patterns:
        yield None, pattern_regex(pattern, limit)


def path_regex(path: str, limit: int) -> str:
    """Return a regular expression for one path; a path that is too long counts as a prefix."""
    regex = re.escape(path)
    return regex if len(regex) <= limit - len("^(?:)$") else prefix_regex(path, limit)


def prefix_regex(prefix: str, limit: int) -> str:
    """Return a regular expression for all that begins with a prefix, cut where it is too long."""
    # Escaping may double its length, and more stands around it.
    return re.escape(prefix[: limit // 2 - 8]) + ".*"


def pattern_regex(pattern: str, limit: int) -> str:
    """Return a pattern as PCRE reads it too, else its literal beginning with anything after it."""
    if len(pattern) <= limit - len("^(?:)$") and not _UNPORTABLE.search(pattern):
        return f"^(?:{pattern})$"
    beginning = re.match(r"[\x21-\x7e]*", literal_prefix(pattern))
    return f"^(?:{prefix_regex(beginning[0] if beginning else '', limit)})$"


def merged_regexes(alternatives: Iterable[str], limit: int) -> Iterator[str]:
    """Merge alternatives to expressions that match whole paths, each within ``limit``."""
    for merged in joined(alternatives, "|", limit - len("^(?:)$")):
        yield f"^(?:{merged})$"


def joined(parts: Iterable[str], separator: str, limit: int) -> Iterator[str]:
    """Join parts to texts of at most ``limit`` characters each."""
    line: list[str] = []
    length = 0
    for part in parts:
        if line and length + len(part) > limit:
            yield separator.join(line)
            line, length = [], 0
        line.append(part)
        length += len(part) + len(separator)
    if line:
        yield separator.join(line)
