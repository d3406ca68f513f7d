"""From an entry of ``DUMPER_BACKENDS`` to a backend, or an error that names what is wrong."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from dumper_purge.backends.base import BaseBackend
from dumper_purge.paths import canonical_host

__all__ = ["build"]

_NOT_OPTIONS = frozenset({"alias", "location", "hosts"})
_FENCE = "fence"
_LONGEST_ALIAS, _LONGEST_NODE = 100, 255
_WORDS = {str: "a str", bool: "True or False", int: "a whole number", float: "a number"}


def build(alias: str, entry: Mapping[str, Any]) -> BaseBackend:
    """Build one backend; raise ImproperlyConfigured with alias, value and remedy."""
    name = f"DUMPER_BACKENDS[{alias!r}]"
    _check_alias(name, alias)
    cls = _backend_class(name, entry["BACKEND"])
    options = entry.get("OPTIONS", {})
    _check_options(name, cls, options)
    _check_rate(name, options)
    return cls(
        alias=alias,
        location=_location(name, entry.get("LOCATION", ())),
        hosts=tuple(dict.fromkeys(canonical_host(host) for host in entry.get("HOSTS", ()))),
        **{key: _frozen(value) for key, value in options.items()},
    )


def _check_alias(name: str, alias: str) -> None:
    """Refuse what the outbox cannot keep, and the alias of the fence's own entries."""
    if alias in {"", _FENCE} or len(alias) > _LONGEST_ALIAS:
        raise ImproperlyConfigured(
            f"{name}: the alias must have 1 to {_LONGEST_ALIAS} characters, and not be {_FENCE!r}."
        )


def _backend_class(name: str, dotted: str) -> type[BaseBackend]:
    try:
        cls = import_string(dotted)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{name}['BACKEND'] = {dotted!r} cannot be imported ({error}): write a dotted path such"
            " as 'dumper_purge.backends.varnish.VarnishBackend'."
        ) from error
    if not isinstance(cls, type) or not issubclass(cls, BaseBackend):
        raise ImproperlyConfigured(
            f"{name}['BACKEND'] = {dotted!r} is no subclass of"
            " dumper_purge.backends.base.BaseBackend."
        )
    return cls


def _location(name: str, location: Any) -> tuple[str, ...]:
    nodes = (location,) if isinstance(location, str) else location
    if not isinstance(nodes, (list, tuple)) or not all(isinstance(node, str) for node in nodes):
        raise ImproperlyConfigured(f"{name}['LOCATION'] must be a str or a list of str.")
    if any(len(node) > _LONGEST_NODE for node in nodes):
        raise ImproperlyConfigured(
            f"{name}['LOCATION'] has a node of more than {_LONGEST_NODE} characters."
        )
    return tuple(dict.fromkeys(nodes))


def _check_options(name: str, cls: type[BaseBackend], options: Any) -> None:
    if not isinstance(options, dict):
        raise ImproperlyConfigured(f"{name}['OPTIONS'] must be a dict.")
    known = {field.name: field for field in fields(cls) if field.name not in _NOT_OPTIONS}
    for key in options:
        if key not in known:
            raise ImproperlyConfigured(
                f"{name}['OPTIONS'] has the unknown option {key!r}: {cls.__name__} knows"
                f" {', '.join(sorted(known))}."
            )
    hints = get_type_hints(cls)
    for field in known.values():
        _check_option(f"{name}['OPTIONS'][{field.name!r}]", field, hints[field.name], options)


def _check_rate(name: str, options: Mapping[str, Any]) -> None:
    rate, burst = options.get("rate"), options.get("burst", 1)
    if rate is not None and rate <= 0:
        raise ImproperlyConfigured(f"{name}['OPTIONS']['rate'] = {rate!r} must be above 0.")
    if burst < 1:
        raise ImproperlyConfigured(f"{name}['OPTIONS']['burst'] = {burst!r} must be 1 or more.")


def _check_option(name: str, field: Field[Any], hint: Any, options: Mapping[str, Any]) -> None:
    if field.name not in options:
        if field.default is MISSING and field.default_factory is MISSING:
            raise ImproperlyConfigured(f"{name} is missing: it must be {_wanted(hint)}.")
    elif not _fits(_frozen(options[field.name]), hint):
        shown = f" = {options[field.name]!r}" if field.repr else ""
        raise ImproperlyConfigured(f"{name}{shown} must be {_wanted(hint)}.")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _fits(value: Any, hint: Any) -> bool:
    origin, members = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return any(_fits(value, member) for member in members)
    if origin is Literal:
        return value in members
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, members[0]) for item in value)
    kind = origin or hint
    if kind in {int, float} and isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, (int, float))
    return not isinstance(kind, type) or isinstance(value, kind)


def _wanted(hint: Any) -> str:
    origin, members = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, members))
    if origin in {Union, UnionType}:
        return " or ".join(map(_wanted, members))
    if origin in {dict, Mapping}:
        return "a dict"
    if origin is tuple:
        return f"a list, each {_wanted(members[0])}"
    return "None" if hint is NoneType else _WORDS.get(hint, f"a {hint}")
