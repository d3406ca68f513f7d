"""What is purged: dependents as users write them, and the batch they are merged into."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from dumper_purge import paths as _paths
from dumper_purge.exceptions import InvalidDependent

__all__ = [
    "BatchBuilder",
    "Dependent",
    "Pattern",
    "Prefix",
    "PurgeBatch",
    "check_tag",
    "overflow_tag",
    "purged_tags",
]

_TAG = re.compile(r"[A-Za-z0-9_.:/@|~+-]{1,200}")
_OBJECT_TAG = re.compile(r"([A-Za-z0-9_]+\.[A-Za-z0-9_]+):.+")
_MEMBERS = {
    "paths": re.compile(r"/[\x21-\x7e]*"),
    "urls": re.compile(r"[a-z]+://[\x21-\x7e]+"),
    "prefixes": re.compile(r"/[\x21-\x7e]*"),
    "patterns": re.compile(r".+", re.DOTALL),
    "tags": _TAG,
}
_META = frozenset("^$.*+?{}[]()|\\")
_BUCKETS = 64


@dataclass(frozen=True)
class Prefix:
    """Every path that begins with ``path``, on every host and with every query."""

    path: str

    def __post_init__(self) -> None:
        _paths.canonical_prefixes(self.path)


@dataclass(frozen=True)
class Pattern:
    """Every path that the regular expression matches as a whole (``re.fullmatch``).

    The expression sees paths in canonical, percent-encoded form, without host and query. Caches
    that know no patterns purge the longest literal beginning instead.
    """

    regex: str

    def __post_init__(self) -> None:
        if not isinstance(self.regex, str) or not self.regex:
            raise InvalidDependent(
                f"The pattern {self.regex!r} would match everything or nothing: write a regular"
                " expression for whole paths, such as r'/news/[0-9]+/'."
            )
        if re.search(r"[\x00-\x1f\x7f]", self.regex):
            raise InvalidDependent(f"The pattern {self.regex!r} has a control character.")
        try:
            re.compile(self.regex)
        except re.error as error:
            raise InvalidDependent(
                f"The pattern {self.regex!r} is no regular expression: {error}."
            ) from error

    @staticmethod
    def escape(text: str) -> str:
        """Return ``text`` (decoded) so that a pattern matches it literally."""
        return re.sub(r"[^A-Za-z0-9/_~%-]", lambda m: "\\" + m[0], _paths.encode_path(text))

    @property
    def literal_prefix(self) -> str:
        """The text with which every match begins; ``""`` if that cannot be told."""
        return literal_prefix(self.regex)


Dependent: TypeAlias = str | Prefix | Pattern


def literal_prefix(regex: str) -> str:
    """Return the longest literal beginning of a pattern, on the safe side."""
    if "|" in regex:
        return ""
    literal: list[str] = []
    position = 1 if regex.startswith("^") else 0
    while position < len(regex):
        char = regex[position]
        step = 1
        if char == "\\":
            char = regex[position + 1 : position + 2]
            step = 2
            if char.isalnum():
                break
        elif char in _META:
            break
        if regex[position + step : position + step + 1] in {"*", "?", "{"}:
            break
        literal.append(char)
        position += step
    return "".join(literal)


def check_tag(tag: object) -> str:
    """Return ``tag`` if it can stand in every cache's header; raise otherwise."""
    if isinstance(tag, str) and _TAG.fullmatch(tag):
        return tag
    raise InvalidDependent(
        f"The tag {tag!r} cannot be sent: use 1 to 200 ASCII letters, digits and any of _.:/@|~+-"
        " (no space, no comma)."
    )


def overflow_tag(tag: str) -> str:
    """Return the coarser tag that every purge of ``tag`` purges as well.

    A response with more tags than a cache takes carries these instead: the model's for an
    object's tag (``shop.flavour:5``), one of 64 buckets for any other.
    """
    match = _OBJECT_TAG.fullmatch(tag)
    if match:
        return "m-" + match[1]
    bucket = hashlib.blake2b(tag.encode(), digest_size=2).digest()
    return f"b-{int.from_bytes(bucket, 'big') % _BUCKETS:02d}"


@dataclass(frozen=True, kw_only=True)
class PurgeBatch:
    """One merged purge. Everything in it is valid and in canonical form."""

    paths: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def of(cls, dependents: Iterable[Dependent] = (), *, tags: Iterable[str] = ()) -> "PurgeBatch":
        """Build a batch; raise :class:`InvalidDependent` for the first value that is unfit."""
        builder = BatchBuilder()
        for dependent in dependents:
            builder.add(dependent)
        for tag in tags:
            builder.tags.add(check_tag(tag))
        return builder.build()

    def __bool__(self) -> bool:
        return bool(
            self.paths
            or self.tags
            or self.everything
            or self.urls
            or self.prefixes
            or self.patterns
        )

    def __len__(self) -> int:
        return sum(map(len, self._sets().values()))

    def __or__(self, other: "PurgeBatch") -> "PurgeBatch":
        merged: dict[str, Any] = {
            name: values | getattr(other, name) for name, values in self._sets().items()
        }
        return PurgeBatch(everything=self.everything or other.everything, **merged)

    def __sub__(self, other: "PurgeBatch") -> "PurgeBatch":
        """Return what is in this batch and not in the other one, which may be everything."""
        if other.everything:
            return PurgeBatch()
        rest: dict[str, Any] = {
            name: values - getattr(other, name) for name, values in self._sets().items()
        }
        return PurgeBatch(everything=self.everything, **rest)

    def __and__(self, other: "PurgeBatch") -> "PurgeBatch":
        """Return what is in both; in everything there is all of the other."""
        if self.everything or other.everything:
            return other if self.everything else self
        both: dict[str, Any] = {
            name: values & getattr(other, name) for name, values in self._sets().items()
        }
        return PurgeBatch(**both)

    def singles(self) -> "Iterator[PurgeBatch]":
        """Yield a batch for each member."""
        for name, values in self._sets().items():
            for value in values:
                members: dict[str, Any] = {name: frozenset({value})}
                yield PurgeBatch(**members)
        if self.everything:
            yield PurgeBatch(everything=True)

    def _sets(self) -> dict[str, frozenset[str]]:
        return {
            "paths": self.paths,
            "urls": self.urls,
            "prefixes": self.prefixes,
            "patterns": self.patterns,
            "tags": self.tags,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists and booleans, sorted, for JSON."""
        values: dict[str, Any] = {
            name: sorted(values) for name, values in self._sets().items() if values
        }
        return values | ({"everything": True} if self.everything else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PurgeBatch":
        """Return the batch that :meth:`as_dict` described; raise ValueError for anything else."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"A purge batch has no {', '.join(sorted(unknown))}.")
        known: dict[str, Any] = {}
        for name, value in values.items():
            if name == "everything":
                if value is not True:
                    raise ValueError(f"A purge batch has everything, or not: {value!r}.")
                known[name] = True
            else:
                if not isinstance(value, list):
                    raise ValueError(f"The {name} of a purge batch are a list, not {value!r}.")
                known[name] = frozenset(_checked_member(name, member) for member in value)
        return cls(**known)

    def __str__(self) -> str:
        if self.everything:
            return "everything"
        counts = ((len(values), name) for name, values in self._sets().items())
        return ", ".join(_counted(count, name) for count, name in counts if count) or "nothing"


def _checked_member(name: str, member: Any) -> str:
    """Return a member of a stored batch if it is such as a builder makes; else ValueError."""
    if isinstance(member, str) and _MEMBERS[name].fullmatch(member):
        return Pattern(member).regex if name == "patterns" else member
    raise ValueError(f"{member!r} is none of the {name} of a purge batch.")


def _counted(count: int, plural: str) -> str:
    if count == 1:
        return f"1 {plural.removesuffix('es' if plural == 'prefixes' else 's')}"
    return f"{count} {plural}"


class BatchBuilder:
    """A batch that is still growing; values are checked as they come in."""

    __slots__ = ("everything", "paths", "patterns", "prefixes", "tags", "urls")

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.urls: set[str] = set()
        self.prefixes: set[str] = set()
        self.patterns: set[str] = set()
        self.tags: set[str] = set()
        self.everything = False

    def __bool__(self) -> bool:
        return bool(
            self.paths
            or self.tags
            or self.everything
            or self.urls
            or self.prefixes
            or self.patterns
        )

    def add(self, dependent: object) -> None:
        """Add a path, URL, prefix or pattern; raise :class:`InvalidDependent` if it is unfit."""
        if isinstance(dependent, str):
            if dependent[:1] != "/" and "://" in dependent:
                self.urls.update(_paths.canonical_urls(dependent))
            else:
                self.paths.update(_paths.canonical_paths(dependent))
        elif isinstance(dependent, Prefix):
            for prefix in _paths.canonical_prefixes(dependent.path):
                self._add_prefix(prefix)
        elif isinstance(dependent, Pattern):
            self.patterns.add(dependent.regex)
        else:
            raise InvalidDependent(
                f"{dependent!r} is no dependent: use a path, a URL, Prefix(...) or Pattern(...)."
            )

    def _add_prefix(self, prefix: str) -> None:
        if prefix == "/":
            self.everything = True
        else:
            self.prefixes.add(prefix)

    def __len__(self) -> int:
        return sum(map(len, (self.paths, self.urls, self.prefixes, self.patterns, self.tags)))

    def bound(self, limit: int) -> bool:
        """Become everything if there are more than ``limit`` members; tell whether that was so."""
        if len(self) <= limit:
            return False
        for members in (self.paths, self.urls, self.prefixes, self.patterns, self.tags):
            members.clear()
        self.everything = True
        return True

    def merge(self, batch: "PurgeBatch | BatchBuilder") -> None:
        """Add all that another batch holds."""
        self.paths |= batch.paths
        self.urls |= batch.urls
        self.prefixes |= batch.prefixes
        self.patterns |= batch.patterns
        self.tags |= batch.tags
        self.everything = self.everything or batch.everything

    def build(self) -> PurgeBatch:
        """Return what has been added so far."""
        return PurgeBatch(
            paths=frozenset(self.paths),
            urls=frozenset(self.urls),
            prefixes=frozenset(self.prefixes),
            patterns=frozenset(self.patterns),
            tags=frozenset(self.tags),
            everything=self.everything,
        )


def purged_tags(batch: PurgeBatch) -> frozenset[str]:
    """Return the tags that carry out a batch: those of the fence, and of caches that know tags.

    Prefixes and patterns become the tag of the nearest folder that holds them, or everything.
    """
    if batch.everything:
        return frozenset({_paths.EVERYTHING})
    tags = {_paths.path_tag(path) for path in batch.paths}
    tags |= {_paths.path_tag(_paths.url_path(url)) for url in batch.urls}
    for tag in batch.tags:
        tags |= {tag, overflow_tag(tag)}
    tags.update(_folder_tags(batch))
    return frozenset(tags)


def _folder_tags(batch: PurgeBatch) -> Iterator[str]:
    literals = (literal_prefix(pattern) for pattern in batch.patterns)
    for prefix in (*batch.prefixes, *literals):
        yield _paths.prefix_tag(prefix) or _paths.EVERYTHING
        yield _paths.path_tag(prefix)
