"""Calling the functions that name dependents, and what happens when they fail."""

import logging
from typing import Any, NoReturn

from django.db import Error as DatabaseFailure
from django.db.models import Model

from dumper_purge import conf, signals
from dumper_purge.batch import BatchBuilder, PurgeBatch, check_tag
from dumper_purge.collect.replicas import reading_from
from dumper_purge.collect.rules import Rule, Source
from dumper_purge.exceptions import DependentsError, InvalidDependent
from dumper_purge.paths import canonical_paths, canonical_urls

__all__ = ["add_dependent", "broaden", "gather", "unreadable"]

logger = logging.getLogger("dumper.collect")


def gather(
    rule: Rule,
    row: Any,
    batch: BatchBuilder,
    using: str,
    *,
    lenient: bool = False,
    is_rehearsal: bool = False,
) -> None:
    """Add the dependents of a row of the database ``using`` to a batch.

    Where a function fails, the good values are kept and the batch becomes broad. Then a database
    error is raised again, and any other as :class:`DependentsError` if ``DUMPER_STRICT``; otherwise
    it is logged and signalled. ``lenient`` raises nothing, a rehearsal only database errors, and
    tells nobody.
    """
    for source in rule.sources:
        try:
            with reading_from(using):
                _add_values(source, row, batch)
        except BaseException as error:
            batch.merge(rule.registration.broad)
            if not isinstance(error, Exception):
                raise
            if not is_rehearsal:
                _raise_or_report(error, rule, source, row, lenient=lenient)
            elif isinstance(error, DatabaseFailure):
                raise


def _add_values(source: Source, row: Any, batch: BatchBuilder) -> None:
    values = source.function(row)
    if values is None or isinstance(values, (str, bytes)):
        raise DependentsError(f"it returned {values!r}: return a list, tuple, set or generator")
    invalid: InvalidDependent | None = None
    for value in values:
        try:
            if source.is_tags:
                batch.tags.add(check_tag(value))
            else:
                add_dependent(batch, value)
        except InvalidDependent as error:
            invalid = invalid or error
    if invalid is not None:
        raise invalid


def add_dependent(batch: BatchBuilder, value: object) -> None:
    """Add a path, URL, prefix or pattern; raise InvalidDependent also for an unknown host."""
    if isinstance(value, str) and value[:1] == "/":
        batch.paths.update(canonical_paths(value))
    elif not isinstance(value, str) or "://" not in value:
        batch.add(value)
    else:
        urls = canonical_urls(value)
        _check_host(urls[0], urls[0].split("/", 3)[2])
        batch.urls.update(urls)


def _check_host(url: str, host: str) -> None:
    hosts = conf.current().known_hosts
    if hosts and host not in hosts:
        raise InvalidDependent(
            f"The URL {url!r} is on none of this site's hosts: add {host!r} to DUMPER_HOSTS."
        )


def _raise_or_report(
    error: Exception, rule: Rule, source: Source, row: Any, *, lenient: bool
) -> None:
    if not lenient:
        if isinstance(error, DatabaseFailure):
            raise error
        if conf.current().strict:
            _refuse(error, source, row)
    broad = rule.registration.broad
    logger.error(
        "%s of %s failed; purging %s instead: %r",
        source.name, _named(row), broad, error, exc_info=error,
    )  # fmt: skip
    _signal(type(row), broad, error)


def unreadable(
    error: Exception, model: type[Model], broad: PurgeBatch, *, lenient: bool = False
) -> None:
    """Tell that rows cannot be decoded; raise DependentsError if ``DUMPER_STRICT``."""
    label = model._meta.label
    if conf.current().strict and not lenient:
        raise DependentsError(
            f"A row that a write of {label} touches is unreadable: {error!r}"
        ) from error
    logger.error(
        "A row that a write of %s touches is unreadable; purging %s instead: %r",
        label, broad, error, exc_info=error,
    )  # fmt: skip
    _signal(model, broad, error)


def _signal(sender: type[Model], broad: PurgeBatch, error: Exception) -> None:
    signals.purge_failed.send_robust(
        sender=sender,
        alias="",
        node="",
        batch=broad,
        attempts=1,
        seconds=0.0,
        error=error,
        final=True,
    )


def _refuse(error: Exception, source: Source, row: Any) -> NoReturn:
    raise DependentsError(f"{source.name} of {_named(row)} failed: {error}") from error


def _named(row: Any) -> str:
    return f"{row._meta.label} (pk {row.pk!r})"


def broaden(batch: BatchBuilder, rules: tuple[Rule, ...]) -> None:
    """Add what is purged where the rows are too many, or not known."""
    for rule in rules:
        batch.merge(rule.registration.broad)
