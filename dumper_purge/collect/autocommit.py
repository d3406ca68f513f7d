"""A save in autocommit: its row and its entry in the outbox, in one small transaction.

Django writes the row of such a save by itself, and calls the receivers of ``post_save`` when it is
committed. They stay outside: a receiver that raises undoes nothing, and what it looks up is there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.db import DatabaseError, connections, models, transaction

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect import written
from dumper_purge.collect.blocks import current_block
from dumper_purge.collect.change import Change
from dumper_purge.collect.outlet import EntryRef, outlet
from dumper_purge.databases import bearing_failures, begin_writing

__all__ = ["Saving", "enters", "saving", "watch"]


class Saving:
    """One save in autocommit: ``find`` adds what it purges to the change that it is given."""

    def __init__(self, instance: Any, change: Change, find: Callable[[Change], None]) -> None:
        self.instance = instance
        self.table = instance._meta.concrete_model
        self.using = change.using
        self.entries: list[EntryRef] = []
        self.batch = PurgeBatch()
        """What the entries hold."""
        self._change = change
        self._find = find

    def enter(self) -> None:
        """Write the entry, before the receivers have a say; what they add has its own."""
        state = self.instance._state
        before = (state.db, state.adding)
        state.db, state.adding = self.using, False
        change = self._change.rehearsal()
        try:
            with bearing_failures(self.using):
                self._find(change)
        except DatabaseError:
            # The change itself comes to it when the row is committed, and tells the caller.
            change.give_up()
        finally:
            state.db, state.adding = before
        self.batch = change.batch.build()
        entry = outlet().write(self.batch, self.using) if self.batch else None
        if entry is not None:
            self.entries.append(entry)


_saving: ContextVar[Saving | None] = ContextVar("dumper_purge_saving", default=None)


def enters(using: str) -> bool:
    """Tell whether a write to this database is committed at once, and is to be entered."""
    connection = connections[using]
    if connection.in_atomic_block or not _commits_at_once(connection):
        return False
    block = current_block()
    return (block is None or not block.may_drop) and outlet().has_outbox(using)


def _commits_at_once(connection: Any) -> bool:
    if connection.connection is None:
        return bool(connection.settings_dict["AUTOCOMMIT"])
    return bool(connection.autocommit)


@contextmanager
def saving(save: Saving | None) -> Iterator[None]:
    """Write the entry of a save (None: of none) together with its row."""
    token = _saving.set(save)
    try:
        yield
    finally:
        _saving.reset(token)


def _upload_files(instance: Any, cls: Any, names: Any) -> None:
    """Store new files as Django does in the middle of a save, but before the transaction begins.

    An upload may take long, and SQLite lets nobody else write meanwhile.
    """
    for field in cls._meta.local_concrete_fields:
        is_saved = not names or field.name in names or field.attname in names
        if isinstance(field, models.FileField) and is_saved:
            field.pre_save(instance, instance._state.adding)


def watch(save_table: Callable[..., bool]) -> Callable[..., bool]:
    """Return ``Model._save_table`` in one transaction with the entry, where it would be alone."""

    @wraps(save_table)
    def watched(self: Any, raw: bool = False, cls: Any = None, *args: Any, **kwargs: Any) -> bool:
        save = _saving.get()
        if save is None or save.instance is not self or cls is not save.table:
            updated = save_table(self, raw, cls, *args, **kwargs)
            written.note(self, cls)
            return updated
        if not raw:
            _upload_files(self, cls, kwargs.get("update_fields", args[3] if args[3:] else None))
        with begin_writing(save.using), transaction.atomic(using=save.using, savepoint=False):
            updated = save_table(self, raw, cls, *args, **kwargs)
            written.note(self, cls)
            save.enter()
        return updated

    return watched
