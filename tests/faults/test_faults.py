"""Each fault of django-dumper and its peers, by its name: none of them is here."""

import socket
import threading
import time

import pytest
from django.core import serializers
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import transaction

import dumper_purge as dumper
from dumper_purge import testing
from dumper_purge.backends.locmem import LocMemBackend
from dumper_purge.deliver import delivery
from dumper_purge.signals import purge_failed
from tests.faults import urls
from tests.faults.models import Label, LoudPage, Page, Story


def text(client, path, **extra):
    return client.get(path, **extra).content.decode()


def renders_of(path):
    return urls.renders.count(path)


def in_another_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


class CacheThatIsDown(LocMemCache):
    """A cache of which every operation fails, as when its server is gone."""

    def _down(self, *args, **kwargs):
        raise ConnectionError("the cache server is gone")

    get = set = add = get_many = set_many = delete = touch = _down


@pytest.fixture
def vanilla():
    return Page.objects.create(slug="vanilla", title="Vanilla")


def test_old_url_stays_after_a_slug_change(client, vanilla):
    assert text(client, "/p/vanilla/") == "Vanilla [] "
    vanilla.slug = "bourbon"
    vanilla.save()
    assert client.get("/p/vanilla/").status_code == 404
    assert text(client, "/p/bourbon/") == "Vanilla [] "


def test_purge_before_commit(client, vanilla):
    text(client, "/p/vanilla/")
    with transaction.atomic():
        vanilla.title = "New"
        vanilla.save()
        in_another_thread(lambda: None)
        assert b"Vanilla" in client.get("/p/vanilla/").content  # still the committed page
    assert text(client, "/p/vanilla/") == "New [] "


def test_purge_for_a_rolled_back_save(client, vanilla):
    text(client, "/p/vanilla/")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        vanilla.title = "New"
        vanilla.save()
        raise ZeroDivisionError
    assert text(client, "/p/vanilla/") == "Vanilla [] "
    assert renders_of("/p/vanilla/") == 1


def test_page_rendered_inside_an_uncommitted_transaction_stays(client, vanilla):
    assert text(client, "/uncommitted/vanilla/") == "never committed [] "
    assert text(client, "/p/vanilla/") == "Vanilla [] "
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Page.objects.filter(pk=vanilla.pk).update(title="never")
        cache.clear()
        text(client, "/p/vanilla/")
        raise ZeroDivisionError
    assert text(client, "/p/vanilla/") == "Vanilla [] "


def test_slow_render_stored_after_the_purge(client, vanilla):
    urls.during.append(lambda: in_another_thread(lambda: dumper.purge_paths("/p/vanilla/")))
    text(client, "/p/vanilla/")
    urls.during.clear()
    Page.objects.filter(pk=vanilla.pk)._update([(Page._meta.get_field("title"), None, "New")])
    assert text(client, "/p/vanilla/") == "New [] "


def test_a_hit_written_back_to_the_cache_undoing_a_purge(client, vanilla, monkeypatch):
    text(client, "/p/vanilla/")
    stores = []
    monkeypatch.setattr(LocMemCache, "set", lambda *args, **kwargs: stores.append(args))
    assert text(client, "/p/vanilla/") == "Vanilla [] "
    assert renders_of("/p/vanilla/") == 1
    assert stores == []


def test_deleted_rows_page_served(client, vanilla):
    text(client, "/p/vanilla/")
    text(client, "/")
    vanilla.delete()
    assert client.get("/p/vanilla/").status_code == 404
    assert text(client, "/") == ""


@pytest.mark.parametrize("from_the_other_side", [False, True])
def test_m2m_from_the_other_side_crashes_or_is_missed(client, vanilla, from_the_other_side):
    label = Label.objects.create(name="vegan")
    text(client, "/p/vanilla/")
    if from_the_other_side:
        label.pages.add(vanilla)
    else:
        vanilla.labels.add(label)
    assert text(client, "/p/vanilla/") == "Vanilla [vegan] "
    if from_the_other_side:
        label.delete()
    else:
        vanilla.labels.clear()
    assert text(client, "/p/vanilla/") == "Vanilla [] "


def test_query_string_ignored_or_not_purged(client, vanilla):
    assert text(client, "/p/vanilla/?page=2") == "Vanilla [] 2"
    assert text(client, "/p/vanilla/?page=3") == "Vanilla [] 3"
    assert text(client, "/p/vanilla/?page=2") == "Vanilla [] 2"
    assert renders_of("/p/vanilla/") == 2
    vanilla.title = "New"
    vanilla.save()
    assert text(client, "/p/vanilla/?page=2") == "New [] 2"
    assert text(client, "/p/vanilla/?page=3") == "New [] 3"


@pytest.mark.parametrize(
    "kind", ["set-cookie", "csrf", "session", "private", "no-store", "message", "streaming"]
)
def test_answers_for_one_visitor_shared_between_users(client, kind):
    for _ in range(2):
        client.cookies.clear()
        response = client.get(f"/special/{kind}/")
        assert response.status_code == 200
    assert renders_of(f"/special/{kind}/") == 2


def test_authorization_answers_shared_between_users(client):
    client.get("/special/plain/", headers={"Authorization": "Basic eDp5"})
    client.get("/special/plain/")
    client.get("/special/plain/", headers={"Authorization": "Basic eDp5"})
    assert renders_of("/special/plain/") == 3


def test_streaming_responses_crash(client):
    assert b"".join(client.get("/special/streaming/").streaming_content) == b"ab"


def test_forever_is_300_seconds(client, vanilla, monkeypatch):
    timeouts = []
    original = LocMemCache.set

    def note(self, key, value, timeout="default", version=None):
        timeouts.append(timeout)
        return original(self, key, value, timeout, version)

    monkeypatch.setattr(LocMemCache, "set", note)
    text(client, "/p/vanilla/")
    vanilla.save()
    assert set(timeouts) == {None}


def test_head_after_get_renders_again(client, vanilla):
    body = client.get("/p/vanilla/").content
    head = client.head("/p/vanilla/")
    assert head.content == b""
    assert head["Content-Length"] == str(len(body))
    assert renders_of("/p/vanilla/") == 1


def test_host_header_poisons_the_page(client, settings):
    settings.ALLOWED_HOSTS = ["a.example", "b.example"]
    assert text(client, "/special/host/", headers={"Host": "a.example"}) == "a.example"
    assert text(client, "/special/host/", headers={"Host": "b.example"}) == "b.example"
    assert client.get("/special/host/", headers={"Host": "evil.example"}).status_code == 400
    assert text(client, "/special/host/", headers={"Host": "a.example"}) == "a.example"
    assert renders_of("/special/host/") == 2 + 1


def test_vary_ignored(client):
    for visitor in ("one", "two", "one", "two"):
        answer = text(client, "/special/vary/", headers={"X-Visitor": visitor})
        assert answer == f"vary {visitor}"
    assert renders_of("/special/vary/") == 2


def test_update_and_bulk_create_unseen(client, vanilla):
    text(client, "/")
    text(client, "/p/vanilla/")
    Page.objects.filter(slug="vanilla").update(title="Updated")
    assert text(client, "/p/vanilla/") == "Updated [] "
    assert text(client, "/") == "Updated"
    Page.objects.bulk_create([Page(slug="a", title="A"), Page(slug="b", title="B")])
    assert text(client, "/") == "A, B, Updated"


def test_proxies_and_mti_children_unseen(client, vanilla):
    text(client, "/")
    LoudPage.objects.get(slug="vanilla").delete()
    assert text(client, "/") == ""
    Story.objects.create(slug="story", title="Story", body="...")
    assert text(client, "/") == "Story"
    Story.objects.filter(slug="story").update(title="Saga")
    assert text(client, "/") == "Saga"


def test_fixtures_abort_or_are_unseen(client, vanilla, tmp_path):
    fixture = tmp_path / "pages.json"
    changed = Page(pk=vanilla.pk, slug="vanilla", title="From a fixture")
    fixture.write_text(serializers.serialize("json", [changed]))
    text(client, "/p/vanilla/")
    call_command("loaddata", str(fixture), verbosity=0)
    assert text(client, "/p/vanilla/") == "From a fixture [] "


def test_non_ascii_paths_never_purged(client):
    page = Page.objects.create(slug="crème brûlée", title="Old")
    assert text(client, "/p/cr%C3%A8me%20br%C3%BBl%C3%A9e/") == "Old [] "
    assert text(client, "/p/crème brûlée/") == "Old [] "
    assert len(urls.renders) == 1
    page.title = "New"
    page.save()
    assert text(client, "/p/cr%C3%A8me%20br%C3%BBl%C3%A9e/") == "New [] "


def test_cache_down_breaks_get_and_save(client, vanilla, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CacheThatIsDown"}}
    assert text(client, "/p/vanilla/") == "Vanilla [] "
    vanilla.title = "New"
    vanilla.save()
    assert text(client, "/p/vanilla/") == "New [] "


def test_str_called_on_every_save(vanilla):
    vanilla.save()
    vanilla.delete()


def test_no_timeout_on_the_purge_errors_swallowed_one_dead_backend_hides_the_others(
    vanilla, settings, caplog
):
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        settings.DUMPER_INLINE_BUDGET = 0.3
        settings.DUMPER_BACKENDS = {
            "hanging": {
                "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
                "LOCATION": f"http://127.0.0.1:{hanging.getsockname()[1]}",
                "HOSTS": ["testserver"],
                "OPTIONS": {"token": "t", "read_timeout": 0.2},
            },
            "alive": {"BACKEND": "dumper_purge.backends.locmem.LocMemBackend"},
        }
        started = time.monotonic()
        vanilla.save()
        assert time.monotonic() - started < 1
        assert LocMemBackend.sent("alive")[-1].paths == {"/", "/p/vanilla/"}
        delivery.finish(1)
        assert "Could not purge 2 paths on hanging" in caplog.text
    while any(thread.name == "dumper" for thread in threading.enumerate()):
        delivery.forget()
        time.sleep(0.05)


def test_duplicates_sent():
    with testing.purged() as found:
        with transaction.atomic():
            for number in range(10):
                Page.objects.create(slug=f"page-{number % 2}", title="x")
    assert [sorted(batch.paths) for batch in found.batches] == [["/", "/p/page-0/", "/p/page-1/"]]


def test_a_bad_url_drops_the_good_ones_after_it(client, vanilla, settings, monkeypatch):
    settings.DUMPER_STRICT = False
    failures = []

    def note(**kwargs):
        assert kwargs["final"] is True
        failures.append(str(kwargs["error"]))

    purge_failed.connect(note)
    text(client, "/p/vanilla/")
    monkeypatch.setattr(Page, "dependent_paths", lambda page: ["/ok/", "bad", "/p/vanilla/"])
    vanilla.title = "New"
    vanilla.save()
    purge_failed.disconnect(note)
    assert text(client, "/p/vanilla/") == "New [] "
    assert any("'bad'" in failure for failure in failures)


def test_a_malformed_max_age_is_a_500(client):
    assert client.get("/special/malformed/").status_code == 200
