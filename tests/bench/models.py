"""The registered models, each with two dependent paths."""

import dumper_purge as dumper
from tests.bench.plain.models import Flavour


class ListedFlavour(Flavour):
    """A flavour that stands on two pages."""

    class Meta:
        abstract = True

    def dependent_paths(self) -> list[str]:
        return [f"/flavours/{self.slug}/", f"/shops/{self.shop}/flavours/"]


@dumper.register
class TrackedFlavour(ListedFlavour):
    """Registered as it comes: the old row is read at every save."""


class UntrackedFlavour(ListedFlavour):
    """Registered with ``track_changes=False``."""


dumper.register(UntrackedFlavour, track_changes=False)
