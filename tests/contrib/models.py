"""One model, one page per row."""

from django.db import models

from dumper_purge.collect.registering import register

__all__ = ["Memo"]


@register
class Memo(models.Model):
    text = models.CharField(max_length=20)

    class Meta:
        app_label = "contrib"

    def dependent_paths(self):
        return [f"/memos/{self.pk}/"]
