"""Who may purge, whose word on the scheme is taken, who is told how an answer came about."""

import re

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.literals import expression, network, quoted
from dumper_purge.rendering.problem import problem
from dumper_purge.rendering.section import Section

__all__ = ["access"]

_ABOUT = """\
Who may purge: an address in dumper_purgers (--purger) that also knows the token, which is
DUMPER_BACKENDS[{alias!r}]['OPTIONS']['token'], or the one before it (--previous-token-env).
dumper_terminators (--terminator) end TLS in front of Varnish: their X-Forwarded-Proto is believed.
dumper_debuggers (--debugger) see in the answer how it came about."""
_SCHEME = ("HTTP_X_FORWARDED_PROTO", "https")
_RISK = "so anybody may come from an address that --purger names. Leave --acl-only away"


def access(choices: Choices, backend: VarnishBackend) -> Section:
    """Return the section; raise ImproperlyConfigured for an address, a token or a risk."""
    _check_scheme()
    if choices.acl_only:
        _check_that_addresses_are_real(choices)
    lists = [
        _acl("dumper_purgers", "--purger", choices.purgers),
        _acl("dumper_terminators", "--terminator", choices.terminators),
        _acl("dumper_debuggers", "--debugger", choices.debuggers),
    ]
    about = _ABOUT.format(alias=backend.alias)
    return Section(about=about, body="\n\n".join([*lists, _tokens(choices, backend)]))


def _check_scheme() -> None:
    """Refuse a header that the VCL does not know: it would change pages and be in no key."""
    header = settings.SECURE_PROXY_SSL_HEADER
    if header is not None and tuple(header) != _SCHEME:
        raise problem("SECURE_PROXY_SSL_HEADER", header, f"must be {_SCHEME!r} behind this VCL")


def _acl(name: str, option: str, addresses: tuple[str, ...]) -> str:
    entries = "".join(f"    {network(option, address)}\n" for address in addresses)
    return f"acl {name} {{\n{entries}}}"


def _tokens(choices: Choices, backend: VarnishBackend) -> str:
    lines = []
    if choices.purge_listener is not None:
        lines.append(_only_through(choices.purge_listener))
    if choices.acl_only:
        lines.append('    set req.http.Dumper-Token-Unneeded = "yes";')
    lines.append(f"    set req.http.Dumper-Token-Wanted = {expression(backend.token)};")
    if choices.previous_token is not None:
        previous = expression(_checked(choices.previous_token))
        lines.append(f"    set req.http.Dumper-Token-Previous = {previous};")
    return "\n".join(["sub dumper_tokens {", *lines, "}"])


def _checked(token: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ImproperlyConfigured(
            "--previous-token-env names a token that is empty or has characters other than"
            " printable ASCII without a space: leave the option away once the old one is gone."
        )
    return token


def _only_through(listener: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", listener):
        raise problem("--purge-listener", listener, "must be a name such as purge")
    return (
        f"    if (local.socket != {quoted(listener)}) {{\n"
        '        return (synth(405, "Not allowed"));\n    }'
    )


def _check_that_addresses_are_real(choices: Choices) -> None:
    """Refuse to trust addresses alone where a visitor can come from any, or from a balancer's."""
    for listener in _listeners_for_purges(choices):
        if "PROXY" in listener.upper().split(",")[1:]:
            raise problem(
                "--listener", listener, f"believes the address in a PROXY header, {_RISK}"
            )
    if choices.purge_listener is not None:
        return
    if choices.terminators:
        raise problem(
            "--terminator",
            ", ".join(choices.terminators),
            f"hands on all visitors from its own address, {_RISK}, or say --no-terminator"
            " if there is none, or --purge-listener",
        )
    for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT"):
        if value := getattr(settings, name):
            raise problem(name, value, f"says that a balancer stands in front, {_RISK}")


def _listeners_for_purges(choices: Choices) -> list[str]:
    if choices.purge_listener is None:
        return list(choices.listeners)
    name = f"{choices.purge_listener}="
    return [listener for listener in choices.listeners if listener.startswith(name)]
