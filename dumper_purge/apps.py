"""The composition root: it connects what collects changes with what delivers them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from dumper_purge import checks  # noqa: F401 - they register themselves
from dumper_purge.collect import outlet
from dumper_purge.deliver import delivery, ticks

__all__ = ["DumperConfig"]


class DumperConfig(AppConfig):
    """Put "dumper_purge" into INSTALLED_APPS to get this."""

    name = "dumper_purge"
    label = "dumper_purge"
    verbose_name = _("Cache purging")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the rooms."""
        outlet.connect(delivery)
        ticks.connect()
