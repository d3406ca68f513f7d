"""A registered model whose every row stands on one page of its own."""

from django.db import models

import dumper_purge as dumper


class Cone(models.Model):
    """Saved as it comes, without a look at the old row: so a save is as cheap as it can be."""

    slug = models.SlugField()
    balls = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.slug

    def dependent_paths(self) -> list[str]:
        return [f"/cones/{self.slug}/"]


dumper.register(Cone, track_changes=False)
