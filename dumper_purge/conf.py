"""The settings: each with a type, a default and a unit, read at the time of use.

``current()`` returns all of them as one frozen value. It is built anew after Django's
``setting_changed`` signal, so ``override_settings`` works.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from dumper_purge.exceptions import InvalidDependent
from dumper_purge.paths import canonical_host

__all__ = ["Conf", "current", "names", "problems"]

T = TypeVar("T")

PAGE_CACHE = {"page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"}}
_BACKEND_KEYS = frozenset({"BACKEND", "LOCATION", "HOSTS", "OPTIONS"})
TRACKING_PARAMETERS = (
    "utm_*", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "mc_cid",
    "mc_eid", "_ga", "_gl", "yclid", "twclid", "ttclid", "igshid",
)  # fmt: skip


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e10:
        raise ValueError("must be a number of seconds, 0 or more")
    return value


def _whole_seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError("must be a whole number of seconds from 0 to 2147483647")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number, 1 or more")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{0,100}", value):
        raise ValueError("must be a str of at most 100 printable ASCII characters, no space")
    return value


def _regex(value: Any) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise ValueError("must be a regular expression, a str")
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of str")
    if not all(isinstance(item, str) and item for item in value):
        raise ValueError("must be a list of non-empty str")
    return tuple(value)


def _hosts(value: Any) -> tuple[str, ...]:
    try:
        return tuple(canonical_host(host) for host in _names(value))
    except InvalidDependent as error:
        raise ValueError(f"has a wrong host: {str(error).rstrip('.')}") from error


def _statuses(value: Any) -> Mapping[int, int | None]:
    pairs = value.items() if isinstance(value, dict) else ((status, None) for status in value)
    statuses = dict(pairs)
    for status, ttl in statuses.items():
        if status not in {200, 203, 300, 301, 302, 303, 307, 308, 404, 410}:
            raise ValueError(f"has the status {status!r}, which is never stored")
        if ttl is not None:
            _whole_seconds(ttl)
    return statuses


def _backends(value: Any) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError("must be a dict of aliases, like CACHES")
    for alias, options in value.items():
        if not isinstance(alias, str) or not isinstance(options, dict):
            raise ValueError(f"[{alias!r}] must be a dict with 'BACKEND'")
        if not isinstance(options.get("BACKEND"), str):
            raise ValueError(f"[{alias!r}] has no 'BACKEND', a dotted path")
        if unknown := set(options) - _BACKEND_KEYS:
            known = ", ".join(sorted(_BACKEND_KEYS))
            raise ValueError(
                f"[{alias!r}] has the unknown key {min(map(str, unknown))!r}; it knows {known}"
            )
        try:
            _hosts(options.get("HOSTS", []))
        except ValueError as error:
            raise ValueError(f"[{alias!r}]['HOSTS'] = {options['HOSTS']!r} {error}") from error
    return value


def _engine(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"inline|worker|\w+(\.\w+)+", value):
        raise ValueError("must be 'inline', 'worker', or the dotted path of a function")
    return value


def _setting(parse: Callable[[Any], T], default: Any, *, is_secret: bool = False) -> T:
    """Declare a setting; ``default`` may be a function that is called at the time of use."""
    value: T = field(repr=not is_secret, metadata={"parse": parse, "default": default})
    return value


def _debug() -> bool:
    return bool(settings.DEBUG)


@dataclass(frozen=True, kw_only=True)
class Conf:
    """Every ``DUMPER_*`` setting, by its name in lower case. Times are in seconds."""

    enabled: bool = _setting(_boolean, True)
    backends: Mapping[str, Mapping[str, Any]] = _setting(_backends, PAGE_CACHE, is_secret=True)
    cache_alias: str = _setting(_text, "default")
    key_prefix: str = _setting(_text, "dumper.cached_path.")
    version: str = _setting(_text, "")
    path_ignore_regex: re.Pattern[str] = _setting(_regex, r"^/admin/")
    ttl: int = _setting(_whole_seconds, 31_536_000)
    browser_ttl: int = _setting(_whole_seconds, 0)
    grace: int = _setting(_whole_seconds, 0)
    doubt_ttl: int = _setting(_whole_seconds, 5)
    quarantine: float = _setting(_seconds, 5.0)
    replica_lag: float = _setting(_seconds, 0.0)
    clock_skew: float = _setting(_seconds, 2.0)
    statuses: Mapping[int, int | None] = _setting(_statuses, {200: None})
    query_parameters: tuple[str, ...] = _setting(_names, ["page"])
    tracking_parameters: tuple[str, ...] = _setting(_names, TRACKING_PARAMETERS)
    harmless_cookies: tuple[str, ...] = _setting(_names, [])
    bypass_cookies: tuple[str, ...] = _setting(_names, [])
    hosts: tuple[str, ...] = _setting(_hosts, [])
    strict: bool = _setting(_boolean, _debug)
    single_process: bool = _setting(_boolean, _debug)
    bulk_limit: int = _setting(_count, 1000)
    inline_budget: float = _setting(_seconds, 1.0)
    exit_timeout: float = _setting(_seconds, 5.0)
    outbox: bool = _setting(_boolean, True)
    engine: str = _setting(_engine, "inline")
    sweep_interval: float = _setting(_seconds, 15.0)
    batch_limit: int = _setting(_count, 100_000)
    backlog_limit: int = _setting(_count, 10_000)

    @property
    def known_hosts(self) -> frozenset[str]:
        """The hosts that purges may name: ``DUMPER_HOSTS`` and every backend's ``HOSTS``.

        Empty where none is configured; then any host may be named.
        """
        lists = [_hosts(options.get("HOSTS", [])) for options in self.backends.values()]
        return frozenset(self.hosts).union(*lists)


def _read(name: str, parse: Callable[[Any], Any], default: Any) -> Any:
    value = getattr(settings, f"DUMPER_{name.upper()}", default)
    if value is default and callable(default):
        value = default()
    try:
        return parse(value)
    except (TypeError, ValueError) as error:
        shown = f" = {value!r} "
        if parse is _backends:
            # OPTIONS may hold secrets: the message names the part that is wrong.
            shown = "" if str(error).startswith("[") else " "
        raise ImproperlyConfigured(f"DUMPER_{name.upper()}{shown}{error}.") from error


def _values(complain: Callable[[ImproperlyConfigured], None]) -> dict[str, Any]:
    values = {}
    for item in fields(Conf):
        try:
            values[item.name] = _read(item.name, item.metadata["parse"], item.metadata["default"])
        except ImproperlyConfigured as error:
            complain(error)
    return values


def _raise(error: ImproperlyConfigured) -> None:
    raise error


_current: Conf | None = None


def current() -> Conf:
    """Return the settings; raise ImproperlyConfigured for the first that is wrong."""
    global _current
    if _current is None:
        _current = Conf(**_values(_raise))
    return _current


def names() -> frozenset[str]:
    """Return the names of all settings, in lower case and without ``DUMPER_``."""
    return frozenset(item.name for item in fields(Conf))


def problems() -> list[ImproperlyConfigured]:
    """Return one error for each setting that is wrong; the system checks show them."""
    found: list[ImproperlyConfigured] = []
    _values(found.append)
    return found


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _current
    if setting.startswith("DUMPER_") or setting == "DEBUG":
        _current = None


setting_changed.connect(_forget, dispatch_uid="dumper_purge.conf")
