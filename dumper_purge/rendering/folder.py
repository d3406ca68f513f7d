"""A folder with the rendered ``main.vcl`` and copies of the shipped files."""

import os
import shutil
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from dumper_purge.rendering.document import Rendered

__all__ = ["MAIN", "write"]

MAIN = "main.vcl"
_ONLY_OWNER, _ALSO_GROUP, _EVERYONE = 0o600, 0o640, 0o644


def write(folder: Path, rendered: Rendered, group: str | None = None) -> Path:
    """Write the files, each at once, and return the path of ``main.vcl``.

    It holds the token: nobody but its owner may read it, and ``group`` if one is named.
    Raises ImproperlyConfigured where that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in rendered.shipped.items():
            _replace(folder / name, text, _EVERYONE)
        _replace(folder / MAIN, rendered.main, _ALSO_GROUP if group else _ONLY_OWNER, group)
    except (OSError, LookupError) as error:
        raise ImproperlyConfigured(f"--output = {str(folder)!r}: {error}.") from error
    return folder / MAIN


def _replace(path: Path, text: str, mode: int, group: str | None = None) -> None:
    """Never leave half a file, nor for a moment one that others can read."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        if group:
            shutil.chown(name, group=group)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
