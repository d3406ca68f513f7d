"""How the site of one run is set up."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["HOST", "ROOT", "Plan"]

HOST = "www.example.com"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the command line asks for. Times are in seconds."""

    folder: Path
    without: str | None = None
    engine: str = "inline"
    quarantine: float = 5.0
    skew: float = 2.0
    log: str = "WARNING"

    @property
    def clock(self) -> Path:
        """The file that tells the second web process by how many seconds its clock is wrong."""
        return self.folder / "web-1-clock"
