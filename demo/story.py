"""The story of the main job: acts, and what visitors are shown after each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from demo.acts import PATHS, Act
from demo.visit import Shown, see
from dumper_purge.batch import PurgeBatch
from dumper_purge.signals import purge_sent

__all__ = ["Scene", "scenes"]


@dataclass(frozen=True)
class Scene:
    """What an act purged, and what was shown afterwards."""

    title: str
    sent: PurgeBatch
    purged: int
    shown: tuple[Shown, ...]

    @property
    def kept(self) -> list[Shown]:
        """The pages that were shown as they had been stored before."""
        return [page for page in self.shown if page.source in {"page cache", "Varnish"}]

    @property
    def rendered(self) -> list[Shown]:
        """The pages that had to be rendered."""
        return [page for page in self.shown if page.source == "render"]

    @property
    def stale(self) -> list[Shown]:
        """The pages that were not what a fresh render gives: there must be none."""
        return [page for page in self.shown if not page.fresh]


def scenes(host: str, acts: Iterable[Act]) -> Iterator[Scene]:
    """Play the acts and return what was shown after each."""
    stored: set[str] = set()
    for act in acts:
        sent = _purged_by(act)
        shown = tuple(see(host, path) for path in PATHS)
        kept = {page.path for page in shown if page.source in {"page cache", "Varnish"}}
        yield Scene(act.title, sent, len(stored - kept), shown)
        stored = {page.path for page in shown if page.status == 200}


def _purged_by(act: Act) -> PurgeBatch:
    """Perform an act and return what it purged from the innermost cache."""
    batches: list[PurgeBatch] = []

    def note(alias: str, batch: PurgeBatch, **kwargs: Any) -> None:
        if alias == "page_cache":
            batches.append(batch)

    purge_sent.connect(note)
    try:
        act.perform()
    finally:
        purge_sent.disconnect(note)
    merged = PurgeBatch()
    for batch in batches:
        merged |= batch
    return merged
