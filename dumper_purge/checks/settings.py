"""The settings by themselves, and the options of the backends."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.exceptions import ImproperlyConfigured

from dumper_purge import backends, conf
from dumper_purge.backends.pairs import conflicts
from dumper_purge.checks.messages import error, warning

__all__ = ["check_settings"]


@register("dumper_purge")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check every ``DUMPER_*`` setting by itself, and the options of every backend."""
    wrong: Iterable[ImproperlyConfigured] = conf.problems()
    messages: list[CheckMessage] = [
        error(1, str(problem), "The README's section Settings gives type, unit and default.")
        for problem in wrong
    ]
    if not messages:
        messages += [
            error(2, str(problem), "The README's section Backends lists the options.")
            for problem in backends.problems()
        ]
    if not messages:
        messages += [
            error(
                18,
                problem,
                "Give one another header in its OPTIONS, or HOSTS of its own. If neither stands"
                " behind the other, add the id to SILENCED_SYSTEM_CHECKS.",
            )
            for problem in conflicts(backends.configured())
        ]
    return messages + list(_unknown_settings())


def _unknown_settings() -> Iterator[CheckMessage]:
    for name in dir(settings):
        if name.startswith("DUMPER_") and name[7:].lower() not in conf.names():
            yield warning(
                3,
                f"{name} is no setting of dumper_purge.",
                "Correct the spelling, or remove it: it has no effect.",
            )
