"""What the parlour sells. Each model knows the pages that it appears on."""

from collections.abc import Iterator

from django.db import models
from django.urls import reverse

import dumper_purge as dumper

__all__ = ["Flavour", "Notice", "Size"]


@dumper.register
class Size(models.Model):
    """A cup or a tub; its page lists the flavours that are sold in it."""

    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    millilitres = models.PositiveIntegerField()

    class Meta:
        ordering = ["millilitres"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("size", args=[self.slug])

    def dependent_paths(self) -> Iterator[str]:
        yield self.get_absolute_url()
        for flavour in self.flavours.all():
            yield flavour.get_absolute_url()


@dumper.register
class Flavour(models.Model):
    """An ice cream; it has a page and stands in the list, in the feed and on its sizes' pages."""

    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True)
    description = models.CharField(max_length=200)
    cents = models.PositiveIntegerField("price of a scoop in cents")
    sizes = models.ManyToManyField(Size, related_name="flavours", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("flavour", args=[self.slug])

    @property
    def price(self) -> str:
        return f"{self.cents / 100:.2f}"

    def dependent_paths(self) -> Iterator[str]:
        yield from (reverse("index"), reverse("feed"), self.get_absolute_url())
        for size in self.sizes.all():
            yield size.get_absolute_url()


@dumper.register
class Notice(models.Model):
    """A text in the sidebar. It does not know where it stands: the pages carry its tag."""

    TAG = "notice"

    text = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.text

    def dependent_tags(self) -> list[str]:
        return [self.TAG]
