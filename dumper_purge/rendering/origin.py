"""Where Django listens: the backends, a probe, and taking turns."""

import re

from django.conf import settings

from dumper_purge.paths import is_canonical
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.hosts import site_hosts
from dumper_purge.rendering.literals import quoted
from dumper_purge.rendering.problem import problem
from dumper_purge.rendering.section import Section

__all__ = ["origin"]

_TCP = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_SOCKET = re.compile(r"unix:(?P<path>/[!#-~]{1,106})")
_ABOUT = "Django: --backend, and --probe."
_PACE = "    .interval = 2s;\n    .window = 4;\n    .threshold = 2;\n"
_TURNS = """\
import directors;

sub vcl_init {{
    new django = directors.round_robin();
{added}
}}

sub vcl_recv {{
    set req.backend_hint = django.backend();
}}"""
_FORMS = "must be host:port, such as 127.0.0.1:8000, or unix:/run/gunicorn.sock"


def origin(choices: Choices) -> Section:
    """Return the section; raise ImproperlyConfigured for an address or a probe that is none."""
    names = ["default", *(f"django_{n}" for n in range(2, len(choices.backends) + 1))]
    parts = [] if choices.probe is None else [_probe(choices.probe)]
    for name, value in zip(names, choices.backends, strict=True):
        parts.append(_backend(name, value, probed=choices.probe is not None))
    if len(names) > 1:
        parts.append(_turns(names))
    return Section(about=_ABOUT, body="\n\n".join(parts))


def _backend(name: str, value: str, *, probed: bool) -> str:
    tcp, socket = _TCP.fullmatch(value), _SOCKET.fullmatch(value)
    if tcp:
        lines = [f".host = {quoted(tcp['host'].strip('[]'))};", f".port = {quoted(tcp['port'])};"]
    elif socket:
        lines = [f".path = {quoted(socket['path'])};"]
    else:
        raise problem("--backend", value, _FORMS)
    if probed:
        lines.append(".probe = django_answers;")
    return "\n    ".join([f"backend {name} {{", *lines]) + "\n}"


def _probe(path: str) -> str:
    """Ask as a visitor would: Django answers 400 to a Host it does not know."""
    if not is_canonical(path) or len(path) > 500:
        raise problem("--probe", path, "must be a path such as /health/")
    host = next((host for host in site_hosts() if not host.startswith(".")), "localhost")
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: varnish", "Connection: close"]
    if settings.SECURE_SSL_REDIRECT:
        lines.append("X-Forwarded-Proto: https")
    request = "\n        ".join(map(quoted, lines))
    return f"probe django_answers {{\n    .request =\n        {request};\n{_PACE}}}"


def _turns(names: list[str]) -> str:
    added = "\n".join(f"    django.add_backend({name});" for name in names)
    return _TURNS.format(added=added)
