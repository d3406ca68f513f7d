"""How long the next render of each page takes, in seconds."""

__all__ = ["RENDERING"]

RENDERING: dict[int, float] = {}
