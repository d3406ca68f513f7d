"""Where the code runs."""

from django.core import mail

__all__ = ["is_test"]


def is_test() -> bool:
    """Tell whether Django's test environment is set up, which replaces the outbox of mails."""
    return "outbox" in vars(mail)
