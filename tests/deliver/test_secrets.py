"""The token of a Varnish stands nowhere but on the wire."""

import logging

import pytest
from django.core.management import CommandError, call_command

from dumper_purge import conf
from dumper_purge.backends import configured, problems
from dumper_purge.batch import PurgeBatch
from dumper_purge.deliver import delivery
from dumper_purge.signals import purge_failed
from tests.backends.scripted import answering, refused_url, scripted, status

TOKEN = "a-token-that-nobody-may-see"
VARNISH = "dumper_purge.backends.varnish.VarnishBackend"


def varnish(url, **options):
    options = {"token": TOKEN, "read_timeout": 0.2, **options}
    return {"BACKEND": VARNISH, "LOCATION": [url], "HOSTS": ["a.example"], "OPTIONS": options}


def echo(talk, number):
    talk.send(talk.request().encode() + b"\r\n\r\n")


@pytest.mark.parametrize(
    "script", [None, echo, answering(status(405)), answering(status(503)), answering(b"x" * 99)]
)
def test_no_failure_shows_it(settings, caplog, capsys, soon, script):
    caplog.set_level(logging.DEBUG)
    seen = []

    def receiver(**kwargs):
        seen.append(repr(kwargs) + str(kwargs["error"]) + repr(kwargs["error"].__cause__))

    purge_failed.connect(receiver)
    with scripted(script or echo) as node:
        settings.DUMPER_BACKENDS = {"edge": varnish(node.url if script else refused_url())}
        delivery.deliver(PurgeBatch.of(["/x/"]))
        with pytest.raises(CommandError) as raised:
            call_command("dumper", "purge", "/x/", "--timeout", "2")
    purge_failed.disconnect(receiver)

    assert seen
    written = capsys.readouterr()
    everything = [caplog.text, str(raised.value), *written, *seen, repr(configured())]
    everything += [logging.Formatter().format(record) for record in caplog.records]
    assert TOKEN not in "".join(everything)


@pytest.mark.parametrize(
    "backends",
    [
        {"edge": varnish("nonsense")},
        {"edge": varnish("http://a", unknown=1)},
        {"edge": varnish("http://a", token=TOKEN + "\n")},
        {"edge": varnish("http://a", token=[TOKEN])},
        {"edge": varnish("http://a") | {"EXTRA": TOKEN}},
        {"edge": varnish("http://a") | {"BACKEND": None}},
        {"edge": varnish("http://a") | {"HOSTS": ["http://x"]}},
        [varnish("http://a")],
    ],
)
def test_no_wrong_setting_shows_it(settings, backends):
    settings.DUMPER_BACKENDS = backends

    found = [*conf.problems()] or [*problems()]

    assert found
    assert TOKEN not in "".join(str(problem) + repr(problem) for problem in found)
