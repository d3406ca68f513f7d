"""Files are uploaded before the small transaction of a save in autocommit: it may take long."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import connection, connections, models, transaction
from django.test.utils import isolate_apps

from dumper_purge.collect.registering import register
from tests.outbox.eyes import entries
from tests.zoo.models import Place


class Elsewhere(Storage):
    """Notes each upload, and whether a transaction was open meanwhile; ``during`` is called."""

    def __init__(self):
        self.uploads = []
        self.during = lambda: None

    def exists(self, name):
        return False

    def _save(self, name, content):
        self.uploads.append((name, connection.in_atomic_block))
        self.during()
        return name


@pytest.fixture
def storage():
    return Elsewhere()


@pytest.fixture
def photo(database, storage):
    """Return a photo that is not saved yet; its table is there for one test."""
    with isolate_apps("tests.zoo"):

        class Photo(models.Model):
            title = models.CharField(max_length=50, default="")
            file = models.FileField(storage=storage)

            class Meta:
                app_label = "zoo"

            def dependent_paths(self):
                return [f"/photos/{self.file.name}/"]

    register(Photo)
    with connection.schema_editor() as editor:
        editor.create_model(Photo)
    yield Photo(file=ContentFile(b"hay", name="a.jpg"))
    with connection.schema_editor() as editor:
        editor.delete_model(Photo)


@pytest.fixture
def saved(photo, storage):
    """Return a photo of the database, with a new file."""
    photo.save()
    storage.uploads.clear()
    photo.file = ContentFile(b"oats", name="b.jpg")
    return photo


def test_a_new_file_is_uploaded_once_and_before_the_transaction(photo, storage, eyes):
    photo.save()

    assert storage.uploads == [("a.jpg", False)]
    assert eyes.see("SELECT file FROM zoo_photo") == "a.jpg"
    assert entries() == [{"/photos/a.jpg/"}]


@pytest.mark.parametrize("database", ["sqlite", "sqlite_wal"], indirect=True)
def test_others_can_write_while_a_file_is_uploaded(photo, storage):
    def write():
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
            cursor.execute("INSERT INTO zoo_place (slug) VALUES ('theirs')")
        other.close()

    storage.during = write

    photo.save()

    assert Place.objects.count() == 1


@pytest.mark.parametrize("names", [None, ["file"], ["title", "file"]])
def test_a_changed_file_is_uploaded_before_the_transaction(saved, storage, eyes, names):
    saved.save(update_fields=names)

    assert storage.uploads == [("b.jpg", False)]
    assert eyes.see("SELECT file FROM zoo_photo") == "b.jpg"
    assert {"/photos/b.jpg/", "/photos/a.jpg/"} in entries()


def test_a_file_that_is_not_saved_is_not_uploaded(saved, storage):
    saved.save(update_fields=["title"])

    assert storage.uploads == []


def test_a_file_of_a_fixture_is_there_and_not_uploaded(photo, storage):
    photo.save_base(raw=True)

    assert storage.uploads == []


def test_in_a_transaction_of_the_sites_own_django_uploads_as_ever(photo, storage):
    with transaction.atomic():
        photo.save()

    assert storage.uploads == [("a.jpg", True)]
