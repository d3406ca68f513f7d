"""System checks: everything a user can misconfigure, with an id and a remedy.

They run with ``manage.py check``, ``runserver`` and ``migrate``, as Django's own do.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.migrations.recorder import MigrationRecorder
from django.utils.module_loading import import_string

from dumper_purge import backends, conf
from dumper_purge.backends.pairs import conflicts
from dumper_purge.collect import registry
from dumper_purge.deliver.outbox import engines
from dumper_purge.deliver.outbox.databases import has_table, is_replica

__all__ = [
    "check_cache", "check_engine", "check_middleware", "check_outbox", "check_registrations",
    "check_settings", "check_sqlite",
]  # fmt: skip

FEWEST_ENTRIES = 10_000

_CACHE = "dumper_purge.middleware.CacheMiddleware"
_UPDATE = "dumper_purge.middleware.UpdateCacheMiddleware"
_FETCH = "dumper_purge.middleware.FetchFromCacheMiddleware"
_DJANGO_PAIR = {
    "django.middleware.cache.CacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
}
_SQLITE = "django.db.backends.sqlite3"
_TASKS = "dumper_purge.contrib.tasks."
_IMMEDIATE = "django.tasks.backends.immediate.ImmediateBackend"
_LOCALE = "django.middleware.locale.LocaleMiddleware"
_MAY_STAND_OUTSIDE = {"django.middleware.security.SecurityMiddleware"}
_PER_PROCESS = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)
_CULLED = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.filebased.FileBasedCache",
    "django.core.cache.backends.db.DatabaseCache",
)


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"dumper_purge.E{number:03d}")


def _warning(number: int, message: str, hint: str) -> Warning:
    return Warning(message, hint=hint, id=f"dumper_purge.W{number:03d}")


@register("dumper_purge")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check every ``DUMPER_*`` setting by itself, and the options of every backend."""
    wrong: Iterable[ImproperlyConfigured] = conf.problems()
    messages: list[CheckMessage] = [
        _error(1, str(problem), "The README's section Settings gives type, unit and default.")
        for problem in wrong
    ]
    if not messages:
        messages += [
            _error(2, str(problem), "The README's section Backends lists the options.")
            for problem in backends.problems()
        ]
    if not messages:
        messages += [
            _error(
                18,
                problem,
                "Give one another header in its OPTIONS, or HOSTS of its own. If neither stands"
                " behind the other, add the id to SILENCED_SYSTEM_CHECKS.",
            )
            for problem in conflicts(backends.configured())
        ]
    return messages + list(_unknown_settings())


def _unknown_settings() -> Iterator[CheckMessage]:
    for name in dir(settings):
        if name.startswith("DUMPER_") and name[7:].lower() not in conf.names():
            yield _warning(
                3,
                f"{name} is no setting of dumper_purge.",
                "Correct the spelling, or remove it: it has no effect.",
            )


@register("dumper_purge", "models")
def check_registrations(**kwargs: Any) -> list[CheckMessage]:
    """Check what could not be checked while the models were still being loaded."""
    return [
        _error(4, str(problem), "Correct the name in the call of register().")
        for problem in registry.check()
    ]


@register("dumper_purge", "caches")
def check_cache(**kwargs: Any) -> list[CheckMessage]:
    """Check the cache that ``DUMPER_CACHE_ALIAS`` names: known, shared, and large enough."""
    if conf.problems() or not conf.current().enabled:
        return []
    alias = conf.current().cache_alias
    options = settings.CACHES.get(alias)
    if options is None:
        return [
            _error(
                5,
                f"DUMPER_CACHE_ALIAS = {alias!r} is no alias of CACHES.",
                f"Use one of {', '.join(sorted(settings.CACHES))}, or add it to CACHES.",
            )
        ]
    return [*_per_process(alias, options), *_too_small(alias, options)]


def _per_process(alias: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    if options["BACKEND"] not in _PER_PROCESS or _is_said_to_be_one_process():
        return
    what_then = "so nothing is stored"
    if conf.current().single_process:
        what_then = "which is accepted while DEBUG is on, and then such pages stay old"
    yield _warning(
        6,
        f"The cache {alias!r} ({options['BACKEND']}) belongs to one process. A save in another"
        f" process, or in manage.py, cannot purge its pages, {what_then}.",
        "Let DUMPER_CACHE_ALIAS name a cache that all processes share (Redis, Memcached,"
        " database, file), or set DUMPER_SINGLE_PROCESS = True if there is only one.",
    )


def _is_said_to_be_one_process() -> bool:
    return getattr(settings, "DUMPER_SINGLE_PROCESS", None) is True


def _too_small(alias: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    if options["BACKEND"] not in _CULLED:
        return
    inner = options.get("OPTIONS", {})
    entries = options.get("MAX_ENTRIES", inner.get("MAX_ENTRIES", 300))
    if int(entries) < FEWEST_ENTRIES:
        yield _warning(
            7,
            f"The cache {alias!r} keeps at most {entries} entries; every page and every purged"
            " path needs one.",
            f"Set 'OPTIONS': {{'MAX_ENTRIES': {FEWEST_ENTRIES}}} or more in CACHES[{alias!r}].",
        )


@register("dumper_purge")
def check_engine(**kwargs: Any) -> list[CheckMessage]:
    """Check that ``DUMPER_ENGINE`` can be imported, and that its tasks reach a worker."""
    if conf.problems() or conf.current().engine in {engines.INLINE, engines.WORKER}:
        return []
    engine = conf.current().engine
    try:
        if not callable(import_string(engine)):
            raise ImproperlyConfigured("what is there is no function.")
    except (ImportError, ImproperlyConfigured) as error:
        hint = "Use 'inline', 'worker', or a path such as 'dumper_purge.contrib.celery.hand_over'."
        return [_error(15, f"DUMPER_ENGINE = {engine!r} cannot be imported: {error}", hint)]
    return list(_tasks_without_worker(engine))


def _tasks_without_worker(engine: str) -> Iterator[CheckMessage]:
    backend = getattr(settings, "TASKS", {}).get("default", {}).get("BACKEND", _IMMEDIATE)
    if engine.startswith(_TASKS) and backend.endswith(("ImmediateBackend", "DummyBackend")):
        yield _warning(
            16,
            f"DUMPER_ENGINE = {engine!r} enqueues to {backend}, which has no worker.",
            "Name a backend with a worker in TASKS['default'], or set DUMPER_ENGINE = 'inline'.",
        )


@register("dumper_purge")
def check_sqlite(**kwargs: Any) -> list[CheckMessage]:
    """Check that transactions on SQLite wait for the process's own second purges."""
    if conf.problems() or backends.problems() or not conf.current().outbox:
        return []
    if all(backend.instant for backend in backends.configured()):
        return []
    return [
        _warning(
            17,
            f"A transaction on {alias!r} that reads before it writes fails ('database is locked')"
            " where a purge is noted in the outbox meanwhile.",
            f"Set DATABASES[{alias!r}]['OPTIONS'] = {{'transaction_mode': 'IMMEDIATE'}}: it waits.",
        )
        for alias, database in settings.DATABASES.items()
        if database.get("ENGINE") == _SQLITE and not _begins_at_once(database)
    ]


def _begins_at_once(database: dict[str, Any]) -> bool:
    mode = database.get("OPTIONS", {}).get("transaction_mode") or ""
    return str(mode).upper() in {"IMMEDIATE", "EXCLUSIVE"}


@register(Tags.database)
def check_outbox(*, databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the outbox's table was migrated on these databases."""
    if conf.problems() or not (conf.current().enabled and conf.current().outbox):
        return []
    return [
        _warning(
            14,
            f"Database {using!r} has no table of dumper_purge: purges for what is saved there are"
            " lost if the process dies before they are delivered.",
            f"Run 'manage.py migrate --database {using}', or set DUMPER_OUTBOX = False.",
        )
        for using in databases or ()
        if _is_in_use(using) and not has_table(using)
    ]


def _is_in_use(using: str) -> bool:
    """Tell whether a database was migrated before, and may have the table."""
    connection = connections[using]
    may_have = router.allow_migrate(using, "dumper_purge", model_name="outboxentry")
    was_migrated = MigrationRecorder(connection).has_table()
    return may_have and was_migrated and not is_replica(using)


@register("dumper_purge")
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """Check that the middleware is there once, in its place, and alone."""
    return [
        *_presence(settings.MIDDLEWARE),
        *_order(settings.MIDDLEWARE),
        *_djangos_own(settings.MIDDLEWARE),
        *_language(settings.MIDDLEWARE),
    ]


def _presence(middleware: list[str]) -> Iterator[CheckMessage]:
    pair = [name for name in middleware if name in {_UPDATE, _FETCH}]
    count = middleware.count(_CACHE)
    if not count and not pair:
        strangers = [name for name in middleware if name.startswith(("dumper.", "dumper_purge."))]
        yield _warning(
            8,
            "No middleware of dumper_purge is in MIDDLEWARE: no page is cached."
            + "".join(f" {name!r} is none." for name in strangers),
            f"Put '{_CACHE}' first in MIDDLEWARE.",
        )
    elif (count, tuple(sorted(pair))) not in {(1, ()), (0, (_FETCH, _UPDATE))}:
        yield _error(
            9,
            f"MIDDLEWARE has {', '.join([_CACHE] * count + pair)}.",
            f"Use '{_CACHE}' alone, or '{_UPDATE}' first together with '{_FETCH}' last.",
        )


def _order(middleware: list[str]) -> Iterator[CheckMessage]:
    inside = [name for name in middleware if name not in _MAY_STAND_OUTSIDE]
    for name in (_CACHE, _UPDATE):
        if name in inside and inside[0] != name:
            yield _warning(
                10,
                f"'{inside[0]}' stands before '{name}' in MIDDLEWARE: what it changes is not part"
                " of the stored page, and what it reads is not seen by the policy.",
                f"Move '{name}' to the top.",
            )
    if _UPDATE in inside and _FETCH in inside and inside.index(_FETCH) < inside.index(_UPDATE):
        yield _error(
            11,
            f"'{_FETCH}' stands before '{_UPDATE}' in MIDDLEWARE.",
            f"'{_UPDATE}' comes first, '{_FETCH}' last.",
        )


def _djangos_own(middleware: list[str]) -> Iterator[CheckMessage]:
    for name in sorted(_DJANGO_PAIR & set(middleware)):
        yield _error(
            12,
            f"'{name}' is in MIDDLEWARE: what it stores is never purged.",
            "Remove it; the middleware of dumper_purge takes its place.",
        )


def _language(middleware: list[str]) -> Iterator[CheckMessage]:
    if _LOCALE not in middleware or conf.problems():
        return
    if settings.LANGUAGE_COOKIE_NAME not in conf.current().bypass_cookies:
        yield _warning(
            13,
            "LocaleMiddleware reads the language cookie on every request, so that no page is the"
            " same for everyone and none is stored.",
            f"Set DUMPER_BYPASS_COOKIES = [{settings.LANGUAGE_COOKIE_NAME!r}], and name the cookie"
            " in dumper_private_cookies of the VCL: who has it then gets the pages from Django.",
        )
