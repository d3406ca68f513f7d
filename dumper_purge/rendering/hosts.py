"""The hosts of the site, as far as the settings tell."""

import re

from django.conf import settings

from dumper_purge.conf import current
from dumper_purge.rendering.literals import alternatives
from dumper_purge.rendering.problem import problem
from dumper_purge.rendering.section import Section

__all__ = ["hosts", "site_hosts"]

_ABOUT = """\
HOSTS of DUMPER_BACKENDS, DUMPER_HOSTS and ALLOWED_HOSTS: any other is answered 421. A port does not
matter here; Django says which are stored."""
_ANY = "Any host is handed to Django: ALLOWED_HOSTS names none, nor does HOSTS or DUMPER_HOSTS."
_WHILE_DEBUGGING = (".localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]")
_SUBDOMAINS = r"(?:[a-z0-9_-]+\.)*"
_SUB = """\
sub dumper_hosts {{
    if (req.http.Host !~ "^(?:{names})(?::[0-9]+)?$") {{
        return (synth(421, "Not a host of this site"));
    }}
}}"""


def site_hosts() -> list[str]:
    """Return the hosts without ports; ``.example.com`` stands for its subdomains as well."""
    allowed = settings.ALLOWED_HOSTS or (_WHILE_DEBUGGING if settings.DEBUG else ())
    known = [re.sub(r":[0-9]+$", "", host) for host in sorted(current().known_hosts)]
    named = [_checked(host).lower().rstrip(".") for host in allowed]
    return [host for host in dict.fromkeys([*known, *named]) if host != "*"]


def _checked(host: str) -> str:
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise problem("ALLOWED_HOSTS", host, "must be a host, or a domain such as '.example.com'")
    return host


def hosts() -> Section:
    """Return the section; raise ImproperlyConfigured for a host that VCL cannot hold."""
    found = site_hosts()
    if not found:
        return Section(about=_ANY, body="sub dumper_hosts {\n}", notices=(_ANY,))
    names = "|".join(map(_pattern, dict.fromkeys(found)))
    return Section(about=_ABOUT, body=_SUB.format(names=names))


def _pattern(host: str) -> str:
    if host.startswith("."):
        return _SUBDOMAINS + alternatives([host[1:]])
    return alternatives([host])
