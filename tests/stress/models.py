"""One model, one page per row."""

from django.db import models

from dumper_purge.collect.registering import register

__all__ = ["Note"]


@register
class Note(models.Model):
    """A text that its page shows."""

    text = models.CharField(max_length=20)

    class Meta:
        app_label = "stress"

    def dependent_paths(self) -> list[str]:
        return [f"/notes/{self.pk}/"]
