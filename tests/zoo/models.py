"""Models of every kind. None is registered here: each test registers what it needs."""

import uuid

import django
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Keeper(models.Model):
    name = models.CharField(max_length=50)
    slug = models.SlugField(default="keeper")

    def dependent_paths(self):
        return [f"/keepers/{self.slug}/"]


class Food(models.Model):
    name = models.CharField(max_length=50)

    def dependent_paths(self):
        return [f"/foods/{self.name}/"]


class Animal(models.Model):
    name = models.CharField(max_length=50)
    slug = models.SlugField(unique=True, null=True)
    views = models.IntegerField(default=0)
    keeper = models.ForeignKey(Keeper, models.SET_NULL, null=True, related_name="animals")
    foods = models.ManyToManyField(Food, related_name="eaters")
    friends = models.ManyToManyField("self")
    keepers = models.ManyToManyField(Keeper, through="Shift", related_name="charges")
    notes = GenericRelation("zoo.Note")

    def dependent_paths(self):
        yield f"/animals/{self.slug}/"
        if self.keeper_id:
            yield f"/keepers/{self.keeper.slug}/"

    class Meta:
        constraints = [models.CheckConstraint(name="zoo_named", condition=~models.Q(name="?"))]


class Shift(models.Model):
    """A many-to-many table of its own."""

    animal = models.ForeignKey(Animal, models.CASCADE)
    keeper = models.ForeignKey(Keeper, models.CASCADE)
    day = models.CharField(max_length=10, default="monday")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["animal", "keeper", "day"], name="zoo_one_shift")
        ]


class Note(models.Model):
    """Says something about any row."""

    text = models.CharField(max_length=50)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=50)
    about = GenericForeignKey("content_type", "object_id")

    def dependent_paths(self):
        return [f"/notes/{self.text}/"]


class LoudAnimal(Animal):
    """A proxy with pages of its own."""

    def dependent_paths(self):
        return [f"/loud/{self.slug}/"]

    class Meta:
        proxy = True


class QuietAnimal(Animal):
    """A proxy that adds nothing."""

    class Meta:
        proxy = True


class Place(models.Model):
    slug = models.SlugField()

    def dependent_paths(self):
        return [f"/places/{self.slug}/"]


class Cage(Place):
    bars = models.IntegerField(default=3)


class Aviary(Place):
    """Overrides what it inherits."""

    height = models.IntegerField(default=3)

    def dependent_paths(self):
        return [f"/aviaries/{self.slug}/"]


class Dome(Aviary):
    colour = models.CharField(max_length=10, default="green")


class Ticket(models.Model):
    """Its key has a default, so that Django inserts without looking for a row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=10)
    day = models.CharField(max_length=10, default="monday")
    price = models.IntegerField(default=5)
    label = models.GeneratedField(
        expression=models.functions.Concat("day", models.Value("-"), "number"),
        output_field=models.CharField(max_length=30),
        db_persist=True,
    )

    def dependent_paths(self):
        return [f"/tickets/{self.label}/"]

    class Meta:
        unique_together = [("number", "day")]


class Seat(models.Model):
    """Has a key of two columns."""

    pk = models.CompositePrimaryKey("line", "number")
    line = models.IntegerField()
    number = models.IntegerField()
    guest = models.CharField(max_length=10)

    def dependent_paths(self):
        return [f"/seats/{self.line}/{self.number}/{self.guest}/"]


class Ambiguous:
    """Compares like an array: by another array, which is neither true nor false."""

    def __eq__(self, other):
        return self

    __hash__ = None

    def __bool__(self):
        raise ValueError("The truth value is ambiguous")


class AmbiguousField(models.TextField):
    def from_db_value(self, value, expression, connection):
        return Ambiguous()

    def get_prep_value(self, value):
        return "ambiguous"


class SealedField(models.TextField):
    """Raises for what it cannot decrypt any more."""

    def from_db_value(self, value, expression, connection):
        if value == "broken":
            raise ValueError("cannot decrypt")
        return value


class Record(models.Model):
    """Its columns have types of which many values in memory are not."""

    code = models.CharField(max_length=20, unique=True, null=True)
    number = models.IntegerField(default=1)
    day = models.DateField(null=True)
    at = models.DateTimeField(null=True)
    price = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    vector = AmbiguousField(default="")
    keeper = models.ForeignKey(Keeper, models.CASCADE, null=True)

    def dependent_paths(self):
        yield f"/records/{self.number}/{self.day}/{self.at}/{self.price}/"
        if self.keeper_id:
            yield f"/keepers/{self.keeper.slug}/"


class Letter(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=20, unique=True, null=True)
    slug = models.SlugField(default="letter")
    text = SealedField(default="text")

    def dependent_paths(self):
        return [f"/letters/{self.slug}/"]


class VisibleManager(models.Manager):
    """Is a base manager, with a query of its own."""

    def get_queryset(self):
        return super().get_queryset().annotate(loud=models.functions.Upper("name"))


class Poster(models.Model):
    """Needs what its base manager adds."""

    name = models.CharField(max_length=50)

    objects = VisibleManager()

    def dependent_paths(self):
        return [f"/posters/{getattr(self, 'loud', 'new')}/"]

    class Meta:
        base_manager_name = "objects"


class Visitor(models.Model):
    """Has nothing to do with any registered model."""

    name = models.CharField(max_length=50)


class Visit(models.Model):
    visitor = models.ForeignKey(Visitor, models.CASCADE)


class Sign(models.Model):
    """Refers to a keeper with another relation of each kind."""

    text = models.CharField(max_length=50, default="sign")
    owner = models.ForeignKey(Keeper, models.CASCADE, null=True, related_name="+")
    painter = models.ForeignKey(
        Keeper, models.SET(lambda: None), null=True, related_name="+", db_constraint=False
    )

    def dependent_paths(self):
        return [f"/signs/{self.text}/{self.owner_id and 'owned'}/{self.painter_id and 'painted'}/"]


if django.VERSION >= (6, 1):

    class Herd(models.Model):
        name = models.CharField(max_length=50)

    class Grazer(models.Model):
        herd = models.ForeignKey(Herd, models.DB_CASCADE, null=True, related_name="grazers")
        name = models.CharField(max_length=50)

        def dependent_paths(self):
            return [f"/grazers/{self.name}/"]

    class Calf(models.Model):
        mother = models.ForeignKey(Grazer, models.DB_CASCADE)
        name = models.CharField(max_length=50)

        def dependent_paths(self):
            return [f"/calves/{self.name}/"]

    class Bell(models.Model):
        herd = models.ForeignKey(Herd, models.DB_SET_NULL, null=True)

        def dependent_paths(self):
            return [f"/bells/{'tied' if self.herd_id else 'loose'}/"]
