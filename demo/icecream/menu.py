"""What the parlour sells when it opens."""

from django.db import transaction

import dumper_purge as dumper
from demo.icecream.models import Flavour, Notice, Size

__all__ = ["put_out"]

SIZES = {"Cone": 80, "Cup": 150, "Tub": 500}

FLAVOURS = {
    "Vanilla": (180, "Bourbon vanilla, and nothing that is not needed.", ["Cone", "Cup", "Tub"]),
    "Strawberry": (190, "From the field behind the house, in June only.", ["Cone", "Cup"]),
    "Pistachio": (240, "Roasted, salted, and not at all green.", ["Cup", "Tub"]),
    "Lemon": (170, "A sorbet, so sour that it is served with a smile.", ["Cone"]),
}


def put_out() -> None:
    """Fill an empty database. Nobody has seen a page of it, so nothing is purged."""
    with dumper.paused(), transaction.atomic():
        _fill()


def _fill() -> None:
    sizes = {
        name: Size.objects.create(name=name, slug=name.lower(), millilitres=millilitres)
        for name, millilitres in SIZES.items()
    }
    for name, (cents, description, sold_in) in FLAVOURS.items():
        flavour = Flavour.objects.create(
            name=name, slug=name.lower(), cents=cents, description=description
        )
        flavour.sizes.set(sizes[size] for size in sold_in)
    Notice.objects.create(text="Open until the last spoon.")
