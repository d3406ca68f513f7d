"""Registers the parlour's models for a site where other rows change at the same moment."""

from collections.abc import Iterator

from django.apps import AppConfig
from django.conf import settings
from django.db.models import Model

import dumper_purge as dumper
from tests.chaos.site import clock, moments, switches

__all__ = ["SiteConfig"]


class SiteConfig(AppConfig):
    """Put it after "demo.icecream"."""

    name = "tests.chaos.site"
    label = "chaos"

    def ready(self) -> None:
        from demo.icecream.models import Flavour, Size

        dumper.register(Flavour, tags=_flavour_tags)
        dumper.register(Size, tags=_own_tags)
        moments.watch_commits()
        if settings.CLOCK.exists():
            clock.follow(settings.CLOCK)
        switches.off(settings.WITHOUT)


def _own_tags(row: Model) -> list[str]:
    return [dumper.object_tag(row)]


def _flavour_tags(flavour: Model) -> Iterator[str]:
    # A size's path may be another one by the time this flavour is committed; its tag is not.
    yield from _own_tags(flavour)
    for size in flavour.sizes.all():
        yield from _own_tags(size)
