"""The VCL that is shipped: inside the package once it is installed, beside it in a checkout."""

import re
from pathlib import Path

import dumper_purge

__all__ = ["parts", "shipped_files", "without_version"]

_PACKAGE = Path(dumper_purge.__file__).parent
_VERSION = re.compile(r"(?m)^vcl 4\.[01];\n+")
_PART = re.compile(r'(?m)^include "\./(\w+\.vcl)";$')
_PARTS = re.compile(r'(?m)(?:^include "\./\w+\.vcl";\n)+\n?')


def shipped_files(names: list[str]) -> dict[str, str]:
    """Return the texts of these files, in this order, and after each its parts."""
    folder = next(each for each in (_PACKAGE / "vcl", _PACKAGE.parent / "vcl") if each.is_dir())
    found = {}
    for name in names:
        found[name] = (folder / name).read_text(encoding="utf-8")
        for part in parts(found[name]):
            found[part] = (folder / part).read_text(encoding="utf-8")
    return found


def parts(text: str) -> list[str]:
    """Return the names of the files that a file includes itself."""
    return _PART.findall(text)


def without_version(text: str) -> str:
    """Return what of a file can stand in the middle of another, which has its parts as well."""
    return _PARTS.sub("", _VERSION.sub("", text, count=1))
