"""A small site on which each fault of the ancestor could show."""

from django.db import models

import dumper_purge as dumper


@dumper.register
class Label(models.Model):
    """The other end of a many-to-many relation."""

    name = models.CharField(max_length=50)

    def dependent_paths(self):
        for page in self.pages.all():
            yield page.path()


@dumper.register
class Page(models.Model):
    """A page with a URL of its own, listed on the front page."""

    slug = models.CharField(max_length=50)
    title = models.CharField(max_length=50)
    labels = models.ManyToManyField(Label, related_name="pages")

    def __str__(self):
        raise AssertionError("nobody needs the text of a row to purge its pages")

    def path(self):
        return f"/p/{self.slug}/"

    def dependent_paths(self):
        return ["/", self.path()]


class LoudPage(Page):
    """A proxy of a registered model."""

    class Meta:
        proxy = True


class Story(Page):
    """A multi-table child of a registered model."""

    body = models.TextField()


class Size(models.Model):
    """As in the README of django-dumper, but for an ``.all()`` that it forgot."""

    slug = models.CharField(max_length=200)

    def get_absolute_url(self):
        return "/" + self.slug

    def dependent_paths(self):
        for ice_cream in self.ice_creams.all():
            yield ice_cream.get_absolute_url()
        yield self.get_absolute_url()


class IceCream(models.Model):
    """As in the README of django-dumper."""

    slug = models.CharField(max_length=200)
    sizes = models.ManyToManyField(Size, related_name="ice_creams")

    def get_absolute_url(self):
        return "/" + self.slug

    def dependent_paths(self):
        return [self.get_absolute_url()]


dumper.register(IceCream)
dumper.register(Size)
