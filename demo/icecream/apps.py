"""The ice-cream parlour as a Django app."""

from django.apps import AppConfig

__all__ = ["IcecreamConfig"]


class IcecreamConfig(AppConfig):
    """Put "demo.icecream" into INSTALLED_APPS to get the parlour."""

    name = "demo.icecream"
    label = "icecream"
