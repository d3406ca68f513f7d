"""The one form of error: setting or option, value, remedy."""

from django.core.exceptions import ImproperlyConfigured

__all__ = ["problem"]


def problem(name: str, value: object, remedy: str) -> ImproperlyConfigured:
    """Return the error to raise; never call it with a secret."""
    return ImproperlyConfigured(f"{name} = {value!r} {remedy}.")
