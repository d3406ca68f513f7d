"""``manage.py dumper inspect``: what caches tell of their own configuration."""

from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dumper_purge.backends.dummy import DummyBackend
from dumper_purge.exceptions import Transient


@dataclass(frozen=True, kw_only=True)
class Spoiled(DummyBackend):
    """A cache that has a setting of its own."""

    says: tuple[str, ...] = ()
    is_down: bool = False

    def findings(self):
        if self.is_down:
            raise Transient("no answer")
        yield from self.says


@pytest.fixture
def backends(settings):
    def install(**options):
        settings.DUMPER_BACKENDS = {
            alias: {"BACKEND": f"{__name__}.Spoiled", "OPTIONS": value}
            for alias, value in options.items()
        }

    return install


def inspected(*aliases):
    out, err = StringIO(), StringIO()
    call_command("dumper", "inspect", *aliases, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_nothing_found_is_said(backends):
    backends(a={}, b={})

    assert inspected() == ("Nothing found in a, b.\n", "")


def test_a_cache_that_has_no_such_call_is_named(settings):
    settings.DUMPER_BACKENDS = {"a": {"BACKEND": "dumper_purge.backends.dummy.DummyBackend"}}

    out, _ = inspected()

    assert out.splitlines() == [
        "Not asked, as they do not tell how they are set: a.",
    ]


def test_findings_are_an_error_that_counts_them(backends, capsys):
    backends(a={"says": ["Browser Cache TTL is 4 h."]}, b={"says": ["one", "two"]})
    err = StringIO()

    with pytest.raises(CommandError, match="3 to be seen to"):
        call_command("dumper", "inspect", stderr=err)

    assert "a: Browser Cache TTL is 4 h." in err.getvalue()
    assert "b: two" in err.getvalue()


def test_one_alias_is_asked_alone(backends):
    backends(a={}, b={"says": ["one"]})

    assert inspected("a") == ("Nothing found in a.\n", "")


def test_a_cache_that_does_not_answer_is_named(backends):
    backends(a={"is_down": True})
    err = StringIO()

    with pytest.raises(CommandError):
        call_command("dumper", "inspect", stderr=err)

    assert "a: could not be asked: no answer" in err.getvalue()


def test_an_unknown_alias_is_named(backends):
    backends(a={})

    with pytest.raises(CommandError, match="'c' is none of DUMPER_BACKENDS: a"):
        call_command("dumper", "inspect", "c")
