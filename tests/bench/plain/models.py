"""A model that dumper_purge knows nothing about. This module must not import it either."""

from django.db import models


class Flavour(models.Model):
    """What is saved; the registered models have the same columns."""

    name = models.CharField(max_length=100)
    slug = models.SlugField()
    shop = models.SlugField()
    description = models.TextField()

    class Meta:
        abstract = True


class PlainFlavour(Flavour):
    """A flavour that stands on no page."""
