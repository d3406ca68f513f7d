"""A plugin of pytest: databases that are files, with the tables of the outbox."""

import pytest
from django.apps import apps
from django.db import connections

from dumper_purge.deliver import delivery
from dumper_purge.deliver.outbox import outboxes
from tests.deliver.rows import quiet
from tests.outbox.databases import ALIASES, connected


@pytest.fixture
def files(tmp_path, django_db_blocker):
    """Let the databases be new files, in which threads wait for one another's locks."""
    engine = "django.db.backends.sqlite3"
    options = {"timeout": 20, "init_command": "PRAGMA synchronous=OFF"}
    made = {
        alias: {"ENGINE": engine, "NAME": str(tmp_path / alias), "OPTIONS": options}
        for alias in ALIASES
    }
    with django_db_blocker.unblock(), connected(made):
        outboxes.forget()
        _make_tables()
        outboxes.all_outboxes()
        yield
        quiet()
        delivery.forget()
        outboxes.forget()


def _make_tables():
    for alias in ALIASES:
        with connections[alias].schema_editor() as editor:
            for model in apps.get_app_config("dumper_purge").get_models():
                editor.create_model(model)
