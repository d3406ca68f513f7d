"""Which models name the pages that they appear on."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from dumper_purge.batch import BatchBuilder, Pattern, Prefix, PurgeBatch, check_tag
from dumper_purge.collect import registry, watching
from dumper_purge.collect.plans import forget
from dumper_purge.collect.registry import METHODS, Function, Registration
from dumper_purge.collect.rules import check_fields
from dumper_purge.exceptions import InvalidDependent

__all__ = ["check", "register", "unregister"]

M = TypeVar("M", bound=type[Model])


@overload
def register(
    model: M,
    /,
    *,
    paths: Function | None = None,
    tags: Function | None = None,
    bulk: Iterable[str | Prefix | Pattern] | None = None,
    track_changes: bool = True,
    fields: Iterable[str] | None = None,
) -> M: ...
@overload
def register(
    *,
    paths: Function | None = None,
    tags: Function | None = None,
    bulk: Iterable[str | Prefix | Pattern] | None = None,
    track_changes: bool = True,
    fields: Iterable[str] | None = None,
) -> Callable[[M], M]: ...
def register(
    model: Any = None,
    /,
    *,
    paths: Function | None = None,
    tags: Function | None = None,
    bulk: Iterable[str | Prefix | Pattern] | None = None,
    track_changes: bool = True,
    fields: Iterable[str] | None = None,
) -> Any:
    """Purge the dependents of a model's rows whenever they change; also a class decorator.

    ``paths`` and ``tags`` are functions of an instance, for models without ``dependent_paths()``
    and ``dependent_tags()`` of their own. ``bulk`` is purged instead where a write touches more
    than ``DUMPER_BULK_LIMIT`` rows (a str with a slash in front is a path, any other a tag).
    ``track_changes=False`` saves the query for the old row: its old pages stay. ``fields`` names
    the fields and relations whose change matters. Registering again replaces the options.

    Raises ImproperlyConfigured, also for a model that names no dependents.
    """

    def registered(model: M) -> M:
        _check_model(model)
        registration = Registration(
            model=model,
            paths=_function(model, "paths", paths),
            tags=_function(model, "tags", tags),
            broad=_broad(model, bulk),
            track_changes=track_changes,
            fields=_fields(model, fields),
        )
        _check_dependents(registration)
        registry.add(registration)
        forget()
        watching.start()
        return model

    return registered if model is None else registered(model)


def unregister(model: type[Model]) -> None:
    """Purge nothing more for a model; harmless if it is not registered."""
    registry.remove(model)
    forget()


def check() -> list[ImproperlyConfigured]:
    """Return one error for each registration that names a field which does not exist."""
    found = []
    for registration in registry.known():
        try:
            check_fields(registration.model, registration.fields or frozenset())
        except ImproperlyConfigured as error:
            found.append(error)
    return found


def _check_model(model: object) -> None:
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise ImproperlyConfigured(f"register({model!r}): that is no model class.")
    if model._meta.abstract:
        raise ImproperlyConfigured(
            f"register({model.__name__}): the model is abstract; register its subclasses."
        )


def _function(model: type[Model], option: str, given: object) -> Any:
    if given is not None and not callable(given):
        raise ImproperlyConfigured(
            f"register({model.__name__}, {option}={given!r}): give a function of an instance."
        )
    return given


def _check_dependents(registration: Registration) -> None:
    model = registration.model
    for option, method in METHODS.items():
        attribute = getattr(model, method, None)
        if getattr(registration, option) is None and attribute is not None:
            _function(model, method, attribute)
    if not any(
        getattr(registration, option) or hasattr(model, method)
        for option, method in METHODS.items()
    ):
        raise ImproperlyConfigured(
            f"register({model.__name__}): nothing names its pages; give the model a method"
            " dependent_paths() or dependent_tags(), or pass paths= or tags=."
        )


def _broad(model: type[Model], bulk: Iterable[str | Prefix | Pattern] | None) -> PurgeBatch:
    if bulk is None:
        return PurgeBatch(everything=True)
    if isinstance(bulk, (str, Prefix, Pattern)):
        raise ImproperlyConfigured(
            f"register({model.__name__}, bulk={bulk!r}): give a list, such as [{bulk!r}]."
        )
    builder = BatchBuilder()
    try:
        for value in bulk:
            if isinstance(value, str) and value[:1] != "/" and "://" not in value:
                builder.tags.add(check_tag(value))
            else:
                builder.add(value)
    except InvalidDependent as error:
        raise ImproperlyConfigured(f"register({model.__name__}, bulk=...): {error}") from error
    if not builder:
        raise ImproperlyConfigured(
            f"register({model.__name__}, bulk=[]) would purge nothing after a large write: name"
            " what to purge, or leave it out to purge everything."
        )
    return builder.build()


def _fields(model: type[Model], fields: Iterable[str] | None) -> frozenset[str] | None:
    if fields is None:
        return None
    if isinstance(fields, str):
        raise ImproperlyConfigured(
            f"register({model.__name__}, fields={fields!r}): give a list, such as [{fields!r}]."
        )
    names = frozenset(fields)
    if apps.models_ready:
        check_fields(model, names)
    return names
