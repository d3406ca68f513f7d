"""A plain progress bar."""

from django.core.management.base import OutputWrapper

__all__ = ["Progress"]

_WIDTH = 40


class Progress:
    """Draws on one line of ``stream``, if ``shown``."""

    def __init__(self, stream: OutputWrapper, total: int, *, shown: bool) -> None:
        self._stream = stream
        self._total = max(total, 1)
        self._shown = shown
        self._done = 0

    def advance(self, count: int) -> None:
        """Note that so many more are done."""
        self._done = min(self._done + count, self._total)
        if self._shown:
            bar = "#" * (_WIDTH * self._done // self._total)
            end = "\n" if self._done == self._total else ""
            text = f"\r[{bar:.<{_WIDTH}}] {self._done:,} of {self._total:,}{end}"
            self._stream.write(text, ending="")
            self._stream.flush()
