"""What the parlour sells when chaos begins."""

from django.db import transaction

from demo.icecream.models import Flavour, Notice, Size
from tests.chaos.shelf import SIZES, Shelf

__all__ = ["put_out"]


def put_out(shelf: Shelf) -> None:
    """Fill an empty database; this process purges nothing."""
    with transaction.atomic():
        sizes = [_size(number) for number in range(1, SIZES + 1)]
        for number in range(Shelf.first):
            flavour = _flavour(number)
            flavour.sizes.set([sizes[number % SIZES], sizes[(number + 1) % SIZES]])
            shelf.note({str(flavour.pk): flavour.slug}, {})
        Notice.objects.create(text="Notice 1")


def _size(number: int) -> Size:
    return Size.objects.create(name=f"Size {number}", slug=f"size-{2 * number - 2}", millilitres=1)


def _flavour(number: int) -> Flavour:
    flavour = Flavour.objects.create(
        name="?", slug=f"flavour-{number}", description="From the beginning.", cents=1
    )
    flavour.name = f"No {flavour.pk}"
    flavour.save()
    return flavour
