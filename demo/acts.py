"""What happens in the parlour, one act after the other."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from demo.icecream.models import Flavour, Notice, Size

__all__ = ["ACTS", "LATER", "LATER_AT_THE_EDGE", "PATHS", "Act"]

PATHS = (
    "/",
    "/feed.xml",
    "/flavours/lemon/",
    "/flavours/pistachio/",
    "/flavours/strawberry/",
    "/flavours/vanilla/",
    "/flavours/wild-strawberry/",
    "/sizes/cone/",
    "/sizes/cup/",
    "/sizes/tub/",
)


@dataclass(frozen=True)
class Act:
    """Something that happens, in words and in code. Afterwards every page is looked at."""

    title: str
    perform: Callable[[], object]


def nothing() -> None:
    """Only visitors come."""


def dearer() -> None:
    vanilla = Flavour.objects.get(slug="vanilla")
    vanilla.cents += 20
    vanilla.save()


def renamed() -> None:
    strawberry = Flavour.objects.get(slug="strawberry")
    strawberry.name = "Wild strawberry"
    strawberry.slug = "wild-strawberry"
    strawberry.save()


def bigger() -> None:
    Flavour.objects.get(slug="lemon").sizes.add(Size.objects.get(slug="tub"))


def cheaper() -> None:
    Flavour.objects.filter(cents__gt=200).update(cents=F("cents") - 10)


def announced() -> None:
    Notice.objects.update(text="Closed on Mondays.")


def regretted() -> None:
    with transaction.atomic():
        vanilla = Flavour.objects.get(slug="vanilla")
        vanilla.name = "Vanillin"
        vanilla.save()
        transaction.set_rollback(True)


def sold_out() -> None:
    Flavour.objects.get(slug="pistachio").delete()


ACTS = (
    Act("the first visit", nothing),
    Act("the second visit", nothing),
    Act("vanilla.save(), dearer", dearer),
    Act("strawberry.save(), renamed", renamed),
    Act("lemon.sizes.add(tub)", bigger),
    Act("flavours.update(cents=...)", cheaper),
    Act("notices.update(text=...)", announced),
    Act("vanilla.save(), rolled back", regretted),
    Act("pistachio.delete()", sold_out),
)

LATER = (Act("2 seconds later", lambda: time.sleep(2)),)

# Varnish has been purged a second time by now, and keeps each page for a year from its next visit.
LATER_AT_THE_EDGE = (
    Act("6 seconds later", lambda: time.sleep(6)),
    Act("8 seconds later", lambda: time.sleep(2)),
)
