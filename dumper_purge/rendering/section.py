"""A part of the VCL: what it is for, as a comment, and what it says."""

from dataclasses import dataclass, field

from dumper_purge.rendering.literals import comment

__all__ = ["Section"]


@dataclass(frozen=True, kw_only=True)
class Section:
    """``about`` names the settings and options that it follows from."""

    about: str
    body: str = field(repr=False)
    notices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The comment, and the VCL below it."""
        return f"{comment(self.about)}\n{self.body}"
