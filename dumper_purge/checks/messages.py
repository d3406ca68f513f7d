"""How the messages of the checks are numbered."""

from django.core.checks import Error, Warning

__all__ = ["error", "warning"]


def error(number: int, message: str, hint: str) -> Error:
    """Return an error whose id ends in this number, and which names the remedy."""
    return Error(message, hint=hint, id=f"dumper_purge.E{number:03d}")


def warning(number: int, message: str, hint: str) -> Warning:
    """Return a warning whose id ends in this number, and which names the remedy."""
    return Warning(message, hint=hint, id=f"dumper_purge.W{number:03d}")
