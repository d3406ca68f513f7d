"""The VCL that is shipped: inside the package once it is installed, beside it in a checkout."""

import re
from pathlib import Path

import dumper_purge

__all__ = ["shipped_files", "without_version"]

_PACKAGE = Path(dumper_purge.__file__).parent
_VERSION = re.compile(r"(?m)^vcl 4\.[01];\n+")


def shipped_files(names: list[str]) -> dict[str, str]:
    """Return the texts of these files, in this order."""
    folder = next(each for each in (_PACKAGE / "vcl", _PACKAGE.parent / "vcl") if each.is_dir())
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


def without_version(text: str) -> str:
    """Return what of a file can stand in the middle of another."""
    return _VERSION.sub("", text, count=1)
