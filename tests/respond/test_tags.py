"""Tags of responses: said from anywhere, never lost, never truncated."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.http import HttpResponse

import dumper_purge as dumper
from dumper_purge import paths
from dumper_purge.batch import PurgeBatch, overflow_tag, purged_tags
from dumper_purge.exceptions import InvalidDependent
from dumper_purge.respond.tags import collapsed, fitted, object_tag
from tests.respond import edges, urls
from tests.respond.test_edges import behind
from tests.zoo.models import Aviary, Dome, Place

pytestmark = pytest.mark.django_db


def during(site, step):
    site.during = staticmethod(lambda request: step())


def test_a_page_is_purged_by_a_tag_that_its_view_added(client, rendered, site, purge):
    during(site, lambda: dumper.tag("sponsors", "menu"))
    for tag in ("sponsors", "menu"):
        client.get("/page/")
        assert client.get("/page/")["Cache-Status"] == "dumper; hit"
        purge(tags=[tag])
        assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_decorator_adds_tags(client, purge):
    client.get("/tagged/")
    assert client.get("/tagged/")["Cache-Status"] == "dumper; hit"
    purge(tags=["sponsors"])

    assert client.get("/tagged/")["Cache-Status"] == "dumper; fwd=miss"


def test_tags_are_found_by_a_process_that_never_saw_the_page(client, site, purge):
    from dumper_purge.respond import hints

    during(site, lambda: dumper.tag("sponsors"))
    client.get("/page/")
    hints.forget()
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    hints.forget()
    purge(tags=["sponsors"])

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_a_tag_may_be_added_from_a_thread_in_the_request_context(client, site, purge):
    from contextvars import copy_context

    def step():
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(dumper.tag, "sponsors"))
        thread.start()
        thread.join()

    during(site, step)
    client.get("/page/")
    purge(tags=["sponsors"])

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_requests_that_run_at_once_do_not_mix_their_tags(async_client, settings, monkeypatch):
    behind(settings, "Shield")
    arrived = []

    async def view(request, number):
        dumper.tag(f"n{number}")
        arrived.append(number)
        while len(arrived) < 2:
            await asyncio.sleep(0)
        dumper.tag(f"again{number}")
        return HttpResponse("page")

    async def both():
        return await asyncio.gather(async_client.get("/news/1/"), async_client.get("/news/2/"))

    monkeypatch.setattr(urls.news[1], "callback", view)
    one, two = async_to_sync(both)()

    assert one["xkey"].split()[-2:] == ["again1", "n1"]
    assert two["xkey"].split()[-2:] == ["again2", "n2"]


def test_without_a_request_a_tag_is_checked_and_dropped():
    dumper.tag("sponsors")
    with pytest.raises(InvalidDependent, match="'two words' cannot be sent"):
        dumper.tag("two words")


def test_an_invalid_tag_is_an_error_and_the_page_is_not_stored(client, rendered, site):
    def step():
        with pytest.raises(InvalidDependent):
            dumper.tag("sponsors", "two words")

    during(site, step)
    for _ in range(2):
        assert "no-store" in client.get("/page/")["Cache-Control"]

    assert len(rendered) == 2


def test_objects_have_tags():
    group = Group.objects.create(name="staff")
    assert dumper.object_tag(group) == f"auth.group:{group.pk}"

    class Proxy(Group):
        class Meta:
            proxy = True
            app_label = "auth"

    assert dumper.object_tag(Proxy.objects.get()) == f"auth.group:{group.pk}"
    with pytest.raises(
        InvalidDependent, match=r"auth\.User has no tag before it has a primary key"
    ):
        dumper.object_tag(User(username="ann"))


@pytest.mark.parametrize("pk", ["a b", "é", "x" * 300, "a,b"])
def test_a_primary_key_that_cannot_be_sent_is_hashed(pk):
    tag = object_tag(Group(pk=pk))

    assert tag.startswith("auth.group:~")
    assert len(tag) == 32
    assert tag != object_tag(Group(pk=pk + "2"))


def test_very_many_tags_become_their_overflow_tags(client, site, settings, purge, caplog):
    during(site, lambda: dumper.tag(*(f"shop.flavour:{number}" for number in range(201))))
    with caplog.at_level("WARNING", "dumper.respond"):
        client.get("/page/")
    assert "201 tags of its own" in caplog.text
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"
    purge(tags=["shop.flavour:7"])

    assert client.get("/page/")["Cache-Status"] == "dumper; fwd=miss"


def test_an_overflow_tag_is_not_coarsened_again():
    models = {f"app.m{number}:1" for number in range(201)}
    coarse = collapsed(models)

    assert coarse == {f"m-app.m{number}" for number in range(201)}
    narrow = edges.Narrow(alias="narrow")
    assert fitted(narrow, ["everything", "p1"], coarse) is None


@pytest.mark.parametrize("own", [
    {"shop.flavour:1", "shop.flavour:2", "shop.flavour:3", "shop.flavour:4", "shop.flavour:5"},
    {"sponsors", "menu"} | {"shop.flavour:1" + "0" * 40, "shop.flavour:2" + "0" * 40},
])  # fmt: skip
def test_what_a_budget_cannot_hold_collapses_to_what_every_purge_also_purges(own, caplog):
    narrow = edges.Narrow(alias="narrow")
    sent = fitted(narrow, ["everything", "p1"], own)

    assert sent is not None
    assert len(sent) <= narrow.max_tags
    assert len(" ".join(sent)) <= narrow.max_tag_bytes
    for tag in own:
        assert purged_tags(PurgeBatch(tags=frozenset({tag}))) & set(sent)
        assert overflow_tag(tag) in sent
    assert "'narrow' takes 6 of 80" in caplog.text


def test_what_fits_is_sent_as_it_is():
    narrow = edges.Narrow(alias="narrow")

    assert fitted(narrow, ("everything", "p1"), {"b", "a"}) == ("everything", "p1", "a", "b")


def test_what_cannot_be_made_to_fit_is_not_stored_at_that_edge(client, site, settings):
    during(site, lambda: dumper.tag(*(f"app{number}.model:1" for number in range(9))))
    behind(settings, "Narrow", "Cloud")
    response = client.get("/page/")

    assert response["Surrogate-Control"] == "private, no-store, max-age=0"
    assert "Surrogate-Key" not in response
    assert len(response["Cache-Tag"].split(",")) == 11
    assert client.get("/page/")["Cache-Status"] == "dumper; hit"


def test_every_page_carries_everything_its_path_and_its_folders(client, settings):
    behind(settings, "Shield")

    assert client.get("/any/a/b/c/d")["xkey"].split() == [
        "everything",
        paths.path_tag("/any/a/b/c/d"),
        *paths.prefix_tags("/any/a/b/c/d"),
    ]


def test_a_tag_that_is_purged_while_the_page_is_rendered_is_not_stored(
    client, rendered, site, purge
):
    def step():
        purge(tags=["sponsors"])
        dumper.tag("sponsors")

    during(site, step)
    client.get("/page/")
    during(site, lambda: dumper.tag("sponsors"))
    client.get("/page/")
    assert len(rendered) == 2
    during(site, step)
    purge("/page/")
    client.get("/page/")
    client.get("/page/")

    assert len(rendered) == 4


def test_the_generation_of_a_tag_changes_with_its_purges(settings, purge):
    first = dumper.generation("sponsors")
    assert dumper.generation("sponsors") == first
    purge("/page/")
    assert dumper.generation("sponsors") == first
    purge(tags=["sponsors"])
    second = dumper.generation("sponsors")
    assert second != first
    settings.DUMPER_VERSION = "2"
    assert dumper.generation("sponsors") != second
    with pytest.raises(InvalidDependent):
        dumper.generation("two words")


@pytest.mark.parametrize("tags, query", [("sponsors", None), ((), "page")])
def test_decorators_refuse_one_str_for_a_list(tags, query):
    with pytest.raises(ValueError, match="lists of str"):
        dumper.edge_cache(tags=tags, query=query)


@pytest.mark.parametrize("wrong", [{"ttl": -1}, {"grace": 1.5}, {"browser_ttl": "60"}])
def test_decorators_refuse_what_is_no_time(wrong):
    with pytest.raises(ValueError, match="whole seconds"):
        dumper.edge_cache(**wrong)


def test_decorators_refuse_classes():
    with pytest.raises(TypeError, match=r"Decorate Page\.as_view\(\)"):
        dumper.never_edge(type("Page", (), {}))


@pytest.mark.django_db
def test_a_row_has_one_tag_whatever_class_it_is_read_as():
    dome = Dome.objects.create(slug="dome")

    tags = {dumper.object_tag(row) for row in (dome, Aviary.objects.get(), Place.objects.get())}

    assert tags == {f"zoo.place:{dome.pk}"}
