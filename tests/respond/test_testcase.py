"""A TestCase never commits: no page of one is served while a purge waits for that."""

import pytest
from django.db import connection

import dumper_purge as dumper

pytestmark = pytest.mark.django_db


def test_a_page_is_rendered_anew_while_a_purge_waits(client, rendered, site):
    client.get("/page/")
    site.text = "two"
    dumper.purge_paths("/page/")

    assert client.get("/page/").content == b"two"
    assert client.get("/page/").content == b"two"
    assert rendered == ["/page/"] * 3


def test_what_is_rendered_meanwhile_is_not_left_to_the_next_test(client, site):
    dumper.purge_paths("/page/")
    client.get("/page/")
    # Which begins without the purge that this one has never made.
    connection.run_on_commit.clear()
    site.text = "of the next test"

    assert client.get("/page/").content == b"of the next test"


def test_pages_are_stored_again_once_the_purge_was_made(
    client, rendered, site, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        dumper.purge_paths("/page/")
    client.get("/page/")

    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_edges_are_told_the_same_as_ever(client, settings):
    settings.DUMPER_BACKENDS = {"edge": {"BACKEND": "tests.respond.edges.Shield"}}
    before = client.get("/page/")
    dumper.purge_paths("/page/")

    assert dict(client.get("/page/").items()) == dict(before.items())
    assert before["Surrogate-Control"].startswith("max-age=31536000")
