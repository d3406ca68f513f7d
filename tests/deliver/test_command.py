"""``manage.py dumper purge``."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command

import dumper_purge as dumper
from dumper_purge.batch import PurgeBatch
from dumper_purge.exceptions import Rejected, Transient
from dumper_purge.management import purge as action
from tests.deliver.stage import failing, tier
from tests.zoo.models import Keeper, Place


@pytest.fixture
def keeper():
    dumper.register(Keeper)
    yield Keeper
    dumper.unregister(Keeper)


@pytest.fixture(autouse=True)
def _one_node(settings):
    settings.DUMPER_BACKENDS = {"edge": tier("e")}


def purge(*args, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("dumper", "purge", *args, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def merged(stage):
    batch = PurgeBatch()
    for event in stage.events:
        batch |= event[2]
    return batch


def test_everything_that_can_be_named_is_purged(stage):
    out, err = purge(
        "/a/", "/b c/", "--url", "https://x.example/u/", "--tag", "menu", "--tag", "x",
        "--prefix", "/docs/", "--pattern", "/n/[0-9]+/",
    )  # fmt: skip

    assert merged(stage) == PurgeBatch(
        paths=frozenset({"/a/", "/b%20c/"}),
        urls=frozenset({"https://x.example/u/"}),
        prefixes=frozenset({"/docs/"}),
        patterns=frozenset({"/n/[0-9]+/"}),
        tags=frozenset({"menu", "x"}),
    )
    assert out == "Purged 2 paths, 1 url, 1 prefix, 1 pattern, 2 tags on edge at e.\n"
    assert err == ""


def test_everything(stage):
    purge("--everything")

    assert merged(stage) == PurgeBatch(everything=True)


def test_a_dry_run_shows_and_sends_nothing(stage):
    out, _ = purge("/b/", "/a/", "--tag", "menu", "--everything", "--dry-run")

    assert out == "path /a/\npath /b/\ntag menu\neverything\n"
    assert stage.events == []


@pytest.mark.django_db
def test_the_pages_of_a_model(stage, keeper):
    for slug in ("ann", "bob", "cid"):
        Keeper.objects.create(name=slug, slug=slug)
    stage.forget()
    bob = Keeper.objects.get(slug="bob")

    purge("--model", "zoo.Keeper")
    every = merged(stage)
    stage.forget()
    purge("--model", "zoo.Keeper", "--pk", str(bob.pk))

    assert every == PurgeBatch.of(["/keepers/ann/", "/keepers/bob/", "/keepers/cid/"])
    assert merged(stage) == PurgeBatch.of(["/keepers/bob/"])


@pytest.mark.django_db
def test_the_pages_of_many_rows_are_named_one_by_one(stage, settings, keeper):
    settings.DUMPER_BULK_LIMIT = 3
    with dumper.paused():
        for i in range(10):
            Keeper.objects.create(name=str(i), slug=str(i))
    stage.forget()

    purge("--model", "zoo.Keeper")

    assert merged(stage) == PurgeBatch.of(f"/keepers/{i}/" for i in range(10))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "args, words",
    [
        ([], ["nothing to purge", "--everything"]),
        (["news"], ["'news'", "leading slash"]),
        (["//x/"], ["'//x/'", "names a host"]),
        (["/x\ny/"], ["control character"]),
        (["--url", "ftp://x/"], ["ftp://x/", "https://"]),
        (["--tag", "a b"], ["'a b'"]),
        (["--prefix", ""], ["would match everything"]),
        (["--pattern", "/x/("], ["/x/(", "no regular expression"]),
        (["--pk", "1"], ["--pk", "--model"]),
        (["--model", "zoo.Unicorn"], ["zoo.Unicorn"]),
        (["--model", "nonsense"], ["nonsense"]),
        (["--model", "zoo.Keeper", "--pk", "77", "78"], ["zoo.Keeper", "77, 78"]),
        (["--model", "zoo.Keeper", "--pk", "x"], ["--pk x"]),
    ],
)
def test_a_wrong_value_is_named_and_nothing_sent(stage, keeper, args, words):
    with pytest.raises(CommandError) as raised:
        purge("/good/", *args) if args else purge()

    for word in words:
        assert word in str(raised.value)
    assert stage.events == []


def test_a_model_is_named_with_its_app(stage):
    with pytest.raises(CommandError, match="--model Keeper: write APP.MODEL, such as news.Articl"):
        purge("--model", "Keeper")


@pytest.mark.django_db
def test_a_model_that_is_not_registered_is_named(stage):
    Place.objects.create(slug="pond")

    with pytest.raises(CommandError, match=r"zoo\.Place is not registered"):
        purge("--model", "zoo.Place")


def test_a_model_cannot_be_collected_while_the_package_is_off(settings):
    settings.DUMPER_ENABLED = False

    with pytest.raises(CommandError, match="DUMPER_ENABLED"):
        purge("--model", "zoo.Keeper")


def test_a_node_that_failed_is_named(stage, settings, soon):
    settings.DUMPER_BACKENDS = {"edge": tier("good", "down", "closed")}
    stage.script["down"] = failing(Transient("it is down."))
    stage.script["closed"] = failing(Rejected("wrong token."))

    with pytest.raises(CommandError) as raised:
        purge("/a/", "--timeout", "1")

    assert str(raised.value) == (
        "Not purged everywhere:\nedge at closed: wrong token.\nedge at down: it is down.\n"
        "There is no outbox to keep the rest: run this again when the nodes are back."
    )


def test_a_part_that_was_rejected_is_not_forgotten_when_the_next_one_is_taken(stage, monkeypatch):
    monkeypatch.setattr(action, "_AT_ONCE", 1)
    stage.script["e"] = failing(Rejected("too long."), times=1)

    with pytest.raises(CommandError, match="edge at e: too long"):
        purge("/a/", "/b/", "/c/")


def test_a_node_that_recovered_counts_as_purged(stage, soon):
    stage.script["e"] = failing(Transient("down."), times=2)

    out, _ = purge("/a/")

    assert out == "Purged 1 path on edge at e.\n"


def test_a_node_that_does_not_answer_in_time_is_named(stage, settings):
    settings.DUMPER_INLINE_BUDGET = 0
    release = threading.Event()
    stage.script["e"] = lambda number: release.wait(5)
    with pytest.raises(CommandError, match=r"edge at e: not finished within 0\.1 s"):
        purge("/a/", "--timeout", "0.1")
    release.set()


def test_it_waits_for_the_second_purge(stage, settings):
    settings.DUMPER_BACKENDS = {"edge": tier("e", repeat_after=0.1)}

    purge("/a/")

    assert stage.names() == [("send", "e")] * 2


def test_a_long_list_is_sent_in_parts_under_a_progress_bar(stage, monkeypatch):
    monkeypatch.setattr(action, "_AT_ONCE", 10)
    paths = [f"/{i}/" for i in range(25)]

    _, quiet = purge(*paths)
    _, shown = purge(*paths, "--tag", "menu", verbosity=2)

    assert merged(stage) == PurgeBatch.of(paths, tags=["menu"])
    assert quiet == ""
    assert shown.split("\r")[1:] == [
        "[#.......................................] 1 of 26",
        "[################........................] 11 of 26",
        "[################################........] 21 of 26",
        "[########################################] 26 of 26\n",
    ]


def test_a_url_of_a_foreign_host_is_refused_like_everywhere(settings):
    settings.DUMPER_HOSTS = ["www.example.com"]
    with pytest.raises(CommandError, match=r"'evil\.example'"):
        call_command("dumper", "purge", "--url", "https://evil.example/")


def test_the_switch_off_refuses_every_purge(settings):
    settings.DUMPER_ENABLED = False
    with pytest.raises(CommandError, match="DUMPER_ENABLED is False"):
        call_command("dumper", "purge", "/p/")
