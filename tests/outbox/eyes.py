"""What is committed, as others see it."""

import json
from contextlib import contextmanager

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Eyes", "entries", "insertions", "statements"]


def entries(using="default"):
    """Return the paths of each entry, sorted."""
    rows = apps.get_model("dumper_purge", "OutboxEntry").objects.using(using)
    return [set(paths) for paths in sorted(json.loads(row.batch)["paths"] for row in rows)]


@contextmanager
def statements(using="default"):
    """Collect what is executed in the block, in this thread."""
    found = []

    def note(execute, sql, *rest):
        found.append(sql)
        return execute(sql, *rest)

    with connections[using].execute_wrapper(note):
        yield found


def insertions(found):
    """Return the statements that add entries."""
    return [sql for sql in found if sql.startswith("INSERT") and "outboxentry" in sql]


class Eyes:
    """Looks over a connection of its own."""

    def __init__(self, connection):
        self._connection = connection

    def see(self, query):
        """Return the only value of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]

    def entries(self):
        return self.see("SELECT COUNT(*) FROM dumper_purge_outboxentry")

    @contextmanager
    def watching(self, monkeypatch, query):
        """Collect what the query gives, and the number of entries, after each step of others."""
        seen = []
        commit = BaseDatabaseWrapper._commit

        def look():
            state = (self.see(query), self.entries())
            if seen[-1:] != [state]:
                seen.append(state)

        def step(execute, *rest):
            result = execute(*rest)
            look()
            return result

        def committed(connection):
            look()
            commit(connection)
            look()

        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", committed)
        with connections["default"].execute_wrapper(step):
            look()
            yield seen
