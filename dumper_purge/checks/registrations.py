"""What models were registered with."""

from typing import Any

from django.core.checks import CheckMessage, register

from dumper_purge.checks.messages import error
from dumper_purge.collect import registering

__all__ = ["check_registrations"]


@register("dumper_purge", "models")
def check_registrations(**kwargs: Any) -> list[CheckMessage]:
    """Check what could not be checked while the models were still being loaded."""
    return [
        error(4, str(problem), "Correct the name in the call of register().")
        for problem in registering.check()
    ]
