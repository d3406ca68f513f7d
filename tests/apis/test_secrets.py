"""No secret of any vendor is shown, whatever goes wrong; a new vendor is looked at by itself."""

import json
import logging
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import transaction

from dumper_purge import backends as package
from dumper_purge.backends import options
from dumper_purge.backends.api import ApiBackend, client
from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery, retry
from dumper_purge.deliver.outbox import table
from dumper_purge.signals import purge_failed, purge_sent
from dumper_purge.transport.pooled import Call, Reply, Token
from tests.apis.conftest import build_backend
from tests.apis.registry import SPECS
from tests.apis.server import CUT, HANG, RESET, Answer, serving
from tests.backends.scripted import refused_url
from tests.deliver.rows import entries

pytest_plugins = ["tests.deliver.files"]
pytestmark = pytest.mark.usefixtures("files")

LOGGED_BY_BOTO = {"AKIAIOSFODNN7EXAMPLE"}
"""At DEBUG, botocore itself logs the headers of requests: the ID of a key, and a signature."""
BATCH = PurgeBatch.of(["/a/", "/b/"], tags=["menu"])
FASTLY = next(spec for spec in SPECS if spec.name == "fastly")


def shapes(secret):
    """Return a secret as it is, and as it may stand in JSON or in a URL."""
    escaped = json.dumps(secret)[1:-1]
    return {secret, quote(secret, safe=""), escaped, escaped.replace("/", "\\/")}


class Watch:
    """Collects all that is shown, by the place where it was."""

    def __init__(self, spec):
        self.secrets = {shape for secret in spec.secrets for shape in shapes(secret)}
        self.found = []
        self.looked_at = set()

    def look(self, place, *shown, allowed=frozenset()):
        self.looked_at.add(place)
        text = " ".join(each if isinstance(each, str) else repr(each) for each in shown)
        for secret in self.secrets - allowed:
            at = text.find(secret)
            if at >= 0:
                self.found.append((place, text[max(at - 80, 0) : at + len(secret) + 20]))

    def error(self, place, error):
        """Look at an error, what it came of, and its traceback as a log shows it."""
        seen = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            self.look(place, str(error), repr(error), error.args)
            self.look(f"{place}'s traceback", "".join(traceback.format_exception(error)))
            error = error.__cause__ or error.__context__


def plain(words):
    return " ".join(words)


def in_json(words):
    return json.dumps(words).replace("/", "\\/")


def in_a_url(words):
    return quote(json.dumps(words), safe="")


def echo(status, how=plain):
    """Return an answer that repeats what was sent, as a debugging proxy may; the secret first."""

    def answer(request):
        return Answer(status, how([*reversed(request.headers.values()), request.target]))

    return answer


def answers_of(spec):
    """Return all that may come back: as documented, and worse."""
    documented = (
        spec.throttled, spec.too_big, spec.bad_item, *spec.refused, *spec.unconfirmed,
        *spec.transient, HANG, RESET, CUT,
        Answer(302, "moved", {"Location": "https://elsewhere.invalid/"}),
        *map(echo, (200, 302, 400, 403, 404, 413, 429, 500)),
        *(echo(status, how) for how in (in_json, in_a_url) for status in (403, 500)),
    )  # fmt: skip
    return [answer for answer in documented if answer is not None]


class Script:
    """Answers each purge as it is told next, and well to what a purge needs before it."""

    def __init__(self, spec):
        self.spec = spec
        self.answer = None

    def __call__(self, request, number):
        answer = self.spec.done if self.spec.extra_requests(request) else self.answer
        return answer(request) if callable(answer) else answer


def send_all(spec, watch):
    """Send to all that may come back; look at errors, and at the URLs that were asked for."""
    script = Script(spec)
    with serving(script) as vendor:
        backend = build_backend(spec, vendor.url, read_timeout=0.2)
        watch.look("a backend", repr(backend), str(backend), f"{backend.auth()!r} {backend.auth()}")
        for script.answer in answers_of(spec):
            _send(backend, watch)
        for request in vendor.received:
            watch.look("a URL", request.method, request.target)
    _send(build_backend(spec, refused_url()), watch)


def _send(backend, watch):
    for act in (lambda: backend.send(BATCH, backend.alias), lambda: list(backend.findings())):
        try:
            act()
        except Exception as error:
            watch.error("an error", error)


def deliver_all(spec, watch, settings, capsys):
    """Let the outbox, the signals and the commands tell of it, too."""
    script = Script(spec)
    with serving(script) as vendor:
        options = {**spec.options, "base_url": vendor.url, "read_timeout": 0.2}
        made = {"BACKEND": spec.backend, "HOSTS": list(spec.hosts), "OPTIONS": options}
        for script.answer in (spec.throttled, echo(403), echo(500, in_json), RESET):
            settings.DUMPER_BACKENDS = {spec.name: made}
            _deliver()
            for row in entries():
                watch.look("a row", *map(str, vars(row).values()))
            for command in ("status", "failed", "inspect"):
                _command(watch, "dumper", command)
            _command(watch, "dumper", "purge", "/x/", "--timeout", "0.3")
            _command(watch, "check")
            delivery.forget()
    written = capsys.readouterr()
    watch.look("a command", written.out, written.err)


def _deliver():
    with transaction.atomic():
        ref = table.write(BATCH, "default", lease=30)
    delivery.deliver(BATCH, entries=[ref])
    delivery.finish(0.3)


def _command(watch, *command):
    try:
        call_command(*command)
    except (CommandError, SystemExit) as error:
        watch.error("a command's error", error)


def misconfigured(spec):
    """Yield options that are wrong."""
    usual = {**spec.options, "base_url": "https://api.example.com"}
    for name, value in usual.items():
        if isinstance(value, str):
            yield usual | {name: value + "\n"}
            yield usual | {name: value + " x"}
        if isinstance(value, str) and value in spec.secrets:
            yield from (
                usual | {name: wrong} for wrong in ([value], {value: 1}, value.encode(), "")
            )
        if isinstance(value, Mapping) and set(map(str, value.values())) & set(spec.secrets):
            yield from _misconfigured_headers(usual, name, value)
        yield {key: each for key, each in usual.items() if key != name}
    for secret in spec.secrets:
        yield usual | {"base_url": f"https://me:{quote(secret, safe='')}@api.example.com"}
        yield usual | {"base_url": f"https://api.example.com/?key={quote(secret, safe='')}"}
    yield usual | {"unknown": 1}
    yield usual | {"read_timeout": -1}
    yield usual | {"schemes": []}


def _misconfigured_headers(usual, name, headers):
    for key, value in headers.items():
        for wrong in ({key: value + "\n"}, {f"{key} x": value}, {key: [value]}, value, [value]):
            yield usual | {name: wrong}


def configure_all(spec, watch, settings):
    """Build what is wrong; return how much of that was refused."""
    refused = 0
    for wrong in misconfigured(spec):
        entry = {"BACKEND": spec.backend, "HOSTS": list(spec.hosts), "OPTIONS": wrong}
        try:
            options.build(spec.name, entry)
        except ImproperlyConfigured as error:
            refused += 1
            watch.error("ImproperlyConfigured", error)
        settings.DUMPER_BACKENDS = {spec.name: entry}
        for problem in package.problems():
            watch.look("a check", str(problem), repr(problem))
    return refused


@pytest.fixture
def watching(settings, caplog, capsys, monkeypatch):
    """Return a function that tells where the secrets of a vendor are seen."""
    monkeypatch.setattr(retry, "_LONGEST", 0.02)
    caplog.set_level(logging.DEBUG)

    def watch_all(spec):
        watch = Watch(spec)

        def receiver(**kwargs):
            watch.look("a signal", kwargs)
            if "error" in kwargs:
                watch.error("a signal's error", kwargs["error"])

        with ExitStack() as stack:
            for signal in (purge_failed, purge_sent):
                signal.connect(receiver)
                stack.callback(signal.disconnect, receiver)
            send_all(spec, watch)
            deliver_all(spec, watch, settings, capsys)
            configure_all(spec, watch, settings)
        for record in caplog.records:
            allowed = LOGGED_BY_BOTO if record.name.startswith("botocore.") else frozenset()
            shown = (logging.Formatter().format(record), record.args)
            watch.look(f"a log of {record.name}", *shown, allowed=allowed)
        delivery.forget()
        return watch

    return watch_all


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_secret_is_shown(spec, watching):
    watch = watching(spec)

    assert watch.found == []
    assert {"a URL", "a backend", "an error", "a row", "a signal", "a command"} <= watch.looked_at
    assert {"ImproperlyConfigured", "a check", "a log of dumper.deliver"} <= watch.looked_at


def test_each_wrong_option_is_refused(settings):
    for spec in SPECS:
        assert configure_all(spec, Watch(spec), settings) >= len(spec.secrets) + 5


# It sees what it looks for


@dataclass(frozen=True, kw_only=True)
class Odd(ApiBackend):
    """A backend of somebody's own, whose secrets are no text."""

    pin: int = field(repr=False)
    codes: tuple[str, ...] = field(repr=False)
    tag_field: ClassVar[str] = "Tag"


def test_secrets_that_are_no_text_are_hidden_as_well():
    reply = Reply(status=403, text="4711: open sesame, by nobody")
    odd = Odd(alias="odd", base_url="https://api.example", pin=4711, codes=("open", "sesame"))

    _, error = odd._judged(reply)

    assert "403 '***: *** ***, by nobody'" in str(error)


def places(watch):
    return {place for place, _ in watch.found}


def test_it_sees_what_an_answer_repeats(watching, monkeypatch):
    monkeypatch.setattr(ApiBackend, "_excerpt", lambda backend, text: text)

    found = places(watching(FASTLY))

    assert {"an error", "a row", "a signal's error", "a log of dumper.deliver"} <= found
    assert {"an error's traceback", "a command"} <= found


def test_it_sees_a_secret_in_a_url(watching, monkeypatch):
    def call(backend, path, body=None):
        return Call(path=path, params={"key": backend.token}, json=body)

    monkeypatch.setattr("dumper_purge.backends.fastly.FastlyBackend._call", call)

    assert {"a URL", "a log of urllib3.connectionpool"} <= places(watching(FASTLY))


def test_it_sees_a_secret_in_a_repr(watching, monkeypatch):
    monkeypatch.setattr(Token, "__repr__", lambda token: str(token._headers))

    assert "a backend" in places(watching(FASTLY))


def test_it_sees_a_secret_in_what_an_error_came_of(watching, monkeypatch):
    def exchange(call, url, *, auth, **options):
        try:
            raise ValueError(auth._headers)
        except ValueError as error:
            raise KeyError("bug") from error

    monkeypatch.setattr(client, "exchange", exchange)

    assert {"an error", "an error's traceback", "a log of dumper.deliver"} <= places(
        watching(FASTLY)
    )


def test_it_sees_a_secret_in_a_wrong_option(watching, monkeypatch):
    def wrong(backend, option, problem):
        return ImproperlyConfigured(f"{option} = {getattr(backend, option)!r} {problem}")

    monkeypatch.setattr(BaseBackend, "wrong", wrong)

    assert {"ImproperlyConfigured", "a check"} <= places(watching(FASTLY))
