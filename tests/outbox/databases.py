"""Databases of every kind in the place of those of the settings, with the tables of the tests."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connections, transaction

__all__ = ["ALIASES", "ServerDatabases", "SqliteDatabases", "connected", "emptied", "without_table"]

ALIASES = ("default", "other")


@contextmanager
def connected(databases):
    """Let the aliases "default" and "other" lead there, in all threads."""
    before = {alias: connections.settings[alias] for alias in ALIASES}
    opened = {each.alias: each for each in connections.all(initialized_only=True)}
    connections.settings.update(connections.configure_settings(databases))
    _let_go(opened)
    try:
        yield
    finally:
        connections.close_all()
        _let_go(each.alias for each in connections.all(initialized_only=True))
        connections.settings.update(before)
        for alias, connection in opened.items():
            connections[alias] = connection


def _let_go(aliases):
    for alias in aliases:
        del connections[alias]


def make_tables():
    """Make all tables in all databases that are connected."""
    for alias in ALIASES:
        for label in ("contenttypes", "dumper_purge"):
            call_command("migrate", label, database=alias, verbosity=0)
        with connections[alias].schema_editor() as editor:
            for model in apps.get_app_config("zoo").get_models():
                if model._meta.can_migrate(alias):
                    editor.create_model(model)


def emptied(alias):
    """Delete all rows, unseen by the package."""
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True)
    with connection.constraint_checks_disabled(), transaction.atomic(using=alias):
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


@contextmanager
def without_table(alias="default", table="dumper_purge_outboxentry"):
    """Let a table be missing in the block."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")


class SqliteDatabases:
    """Files: new ones for each test, copies of some that have the tables."""

    vendor = "sqlite"

    def __init__(self, folder, mode):
        self.folder = Path(folder)
        # The machine does not crash: what a process has written outlives it without fsync.
        pragmas = f"PRAGMA journal_mode={mode}; PRAGMA synchronous=off"
        self.options = {"init_command": pragmas, "timeout": 20}
        with connected(self._settings(self.folder)):
            make_tables()

    def fresh(self, folder):
        for alias in ALIASES:
            shutil.copy(self.folder / alias, folder / alias)
        return self._settings(folder)

    def _settings(self, folder):
        engine = "django.db.backends.sqlite3"
        return {
            alias: {"ENGINE": engine, "NAME": str(folder / alias), "OPTIONS": self.options}
            for alias in ALIASES
        }


class ServerDatabases:
    """Two databases of one server, emptied before each test."""

    def __init__(self, server, vendor):
        self.vendor = vendor
        self.settings = {"default": server, "other": server | {"NAME": "other"}}
        with connected(self.settings):
            with connections["default"].cursor() as cursor:
                cursor.execute("CREATE DATABASE other")
                if vendor == "mysql":
                    cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
            make_tables()

    def fresh(self, folder):
        with connected(self.settings):
            for alias in ALIASES:
                emptied(alias)
        return self.settings
