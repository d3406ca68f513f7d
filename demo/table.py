"""Aligned tables for a terminal, in colour where it shows any."""

import os
import sys
from collections.abc import Sequence

__all__ = ["coloured", "lines"]

COLOURS = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "dim": "2"}


def coloured(text: str, colour: str) -> str:
    """Return ``text`` in a colour, or as it is: not on a terminal, or NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def lines(rows: Sequence[Sequence[str]], *, right: str, colours: dict[str, str]) -> list[str]:
    """Return rows of cells as lines; the first row is the head.

    ``right`` has one ``"<"`` or ``">"`` per column. ``colours`` gives a cell's colour by its
    first letter.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    drawn = []
    for number, row in enumerate(rows):
        cells = [
            f"{cell:{side}{width}}" for cell, side, width in zip(row, right, widths, strict=True)
        ]
        if number == 0:
            drawn.append(coloured("  ".join(cells).rstrip(), "bold"))
        else:
            painted = map(_paint, row, cells, [colours] * len(row))
            drawn.append("  ".join(painted).rstrip())
    return drawn


def _paint(cell: str, padded: str, colours: dict[str, str]) -> str:
    colour = colours.get(cell[:1])
    return coloured(padded, colour) if colour else padded
