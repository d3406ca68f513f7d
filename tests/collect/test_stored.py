"""The database has the word: instances in memory need not show what it has."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property

import pytest
from django.db import connection, transaction
from django.db.models import Value

from dumper_purge.batch import PurgeBatch
from dumper_purge.collect.purges import purge_objects
from dumper_purge.exceptions import DependentsError
from dumper_purge.signals import purge_failed
from tests.zoo.models import Animal, Keeper, Letter, Note, Record

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = PurgeBatch(everything=True)


@pytest.fixture
def stale():
    """A keeper that has another slug in the database by now."""
    keeper = Keeper.objects.create(slug="old")
    Keeper.objects.filter(pk=keeper.pk).update(slug="new")
    return keeper


@pytest.mark.parametrize("track_changes", [True, False])
def test_overwriting_rows_whose_keys_have_defaults(register, outlet, track_changes):
    register(Letter, track_changes=track_changes)
    Letter.objects.create(code="a", slug="old")
    outlet.clear()

    Letter.objects.bulk_create(
        [Letter(code="a", slug="new"), Letter(code="b", slug="b"), Letter(slug="c")],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["slug"],
    )

    old = {"/letters/old/"} if track_changes else set()
    assert outlet.paths == [{"/letters/new/", "/letters/b/", "/letters/c/"} | old]


def test_overwriting_by_a_computed_value_purges_broadly(register, outlet):
    register(Letter)

    Letter.objects.bulk_create(
        [Letter(code=Value("a"))],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["slug"],
    )

    assert [batch.everything for batch in outlet.sent] == [True]


def test_ignored_rows_whose_keys_have_defaults(register, outlet):
    register(Letter)
    Letter.objects.create(code="a", slug="old")
    outlet.clear()

    Letter.objects.bulk_create(
        [Letter(code="a", slug="new"), Letter(code="b", slug="b")], ignore_conflicts=True
    )

    assert outlet.paths == [{"/letters/b/"}]


def test_unwritten_values_are_not_believed_without_tracking(register, outlet):
    register(Keeper, track_changes=False)
    keeper = Keeper.objects.create(slug="real")
    outlet.clear()

    keeper.slug, keeper.name = "dirty", "Ann"
    keeper.save(update_fields=["name"])

    assert outlet.paths == [{"/keepers/real/"}]


def test_a_related_object_in_memory_is_not_believed(register, outlet, stale):
    register(Record)

    Record.objects.create(keeper=stale)
    Record.objects.bulk_create([Record(keeper=stale)])
    purge_objects([Record(keeper=stale)])

    assert [paths & {"/keepers/old/", "/keepers/new/"} for paths in outlet.paths] == [
        {"/keepers/new/"}
    ] * 3


def test_prefetched_objects_are_not_believed(register, outlet):
    register(Animal, paths=lambda animal: [f"/notes/{note.text}/" for note in animal.notes.all()])
    fox = Animal.objects.create(name="fox", slug="fox")
    fox.notes.create(text="old")
    fox = Animal.objects.prefetch_related("notes").get()
    Note.objects.update(text="new")
    outlet.clear()

    fox.save()

    assert outlet.paths == [{"/notes/new/"}]


def test_cached_properties_are_not_believed(register, outlet, monkeypatch, stale):
    slug = cached_property(lambda record: record.keeper.slug)
    slug.__set_name__(Record, "keeper_slug")
    monkeypatch.setattr(Record, "keeper_slug", slug, raising=False)
    register(Record, paths=lambda record: [f"/keepers/{record.keeper_slug}/"])
    record = Record.objects.create(keeper=stale)
    assert record.keeper_slug == "old"
    record.refresh_from_db(fields=["keeper"])
    outlet.clear()

    record.save()

    assert outlet.paths == [{"/keepers/new/"}]


def test_what_else_is_on_an_instance_stays(register, outlet, stale):
    register(Record, paths=lambda record: getattr(record, "more", []))
    record = Record(keeper=stale)
    record.more = ["/more/"]

    record.save()

    assert outlet.paths == [{"/more/"}]
    assert record.keeper is stale


def test_fresh_rows_keep_what_was_selected_with_them(register, stale, django_assert_num_queries):
    register(Record)
    Record.objects.create(keeper=stale)

    with django_assert_num_queries(1):
        purge_objects(Record.objects.select_related("keeper"))


BERLIN = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "007"),
        ("number", True),
        ("day", "2024-1-5"),
        ("day", datetime(2024, 1, 5, 3, tzinfo=timezone.utc)),
        ("at", datetime(2024, 1, 1, 0, 30, tzinfo=BERLIN)),
        ("at", "2024-01-01T00:30+02:00"),
        ("price", Decimal("1.5")),
        ("price", 2),
    ],
)
def test_values_are_those_that_the_database_gives(register, outlet, name, value):
    register(Record)

    record = Record.objects.create(**{name: value})
    Record.objects.bulk_create([Record(**{name: value})])

    stored = Record.objects.get(pk=record.pk)
    assert outlet.paths == [set(PurgeBatch.of(stored.dependent_paths()).paths)] * 2


def test_plain_values_cost_no_query(register, django_assert_num_queries):
    register(Letter)

    with django_assert_num_queries(1):
        Letter.objects.create(slug="a")
    register(Record)
    plain = {
        "number": 1,
        "day": date(2024, 1, 5),
        "at": datetime(2024, 1, 5, tzinfo=timezone.utc),
        "price": Decimal("1.50"),
    }
    with django_assert_num_queries(1):
        Record.objects.create(**plain)


def test_values_that_cannot_be_compared_count_as_changed(register, outlet):
    register(Record, fields=["vector"])
    Record.objects.create()
    record = Record.objects.get()
    outlet.clear()

    record.number = 2
    record.save(update_fields=["number"])
    assert outlet.sent == []
    record.save()
    Record.objects.update(vector="other")

    assert len(outlet.sent) == 2


def test_unwritten_values_that_cannot_be_compared(register, outlet):
    register(Record)
    Record.objects.create()
    record = Record.objects.get()
    outlet.clear()

    record.number = 2
    record.save(update_fields=["number"])

    assert outlet.paths == [{"/records/1/None/None/None/", "/records/2/None/None/None/"}]


def test_an_error_after_the_write_purges_broadly(register, outlet, monkeypatch):
    register(Keeper)

    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("dumper_purge.collect.saves._current", fail)
    with pytest.raises(ZeroDivisionError):
        Keeper.objects.create(slug="a")

    assert outlet.sent == [EVERYTHING]


@pytest.fixture
def broken(register, settings):
    settings.DUMPER_STRICT = False
    letter = Letter.objects.create(slug="a")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE zoo_letter SET text = 'broken'")
    register(Letter)
    return letter


@pytest.mark.parametrize(
    "write",
    [
        lambda letter: Letter(pk=letter.pk, slug="b").save(force_update=True),
        lambda letter: letter.save(update_fields=["slug"]),
        lambda letter: Letter.objects.update(text="mended"),
        lambda letter: Letter.objects.update(slug="b"),
        lambda letter: Letter.objects.filter(pk=letter.pk).delete(),
        lambda letter: letter.delete(),
    ],
)
@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_row_that_cannot_be_decoded_can_be_written(broken, outlet, caplog, write, in_transaction):
    failures = []
    heard = lambda **kwargs: failures.append(kwargs)
    purge_failed.connect(heard)

    if in_transaction:
        with transaction.atomic():
            write(broken)
    else:
        write(broken)

    assert [batch.everything for batch in outlet.sent] == [True]
    assert failures[0]["batch"] == EVERYTHING
    assert "cannot decrypt" in caplog.text
    purge_failed.disconnect(heard)


def test_a_row_that_cannot_be_decoded_is_named_in_strict_mode(broken, settings, outlet):
    settings.DUMPER_STRICT = True

    with pytest.raises(DependentsError, match=r"zoo\.Letter .* unreadable: .*cannot decrypt"):
        broken.save()
